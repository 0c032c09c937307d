import { createHmac } from "node:crypto";

/** As `new RTCPeerConnection({ iceServers })` takes it. */
interface IceServer {
  readonly urls: readonly string[];
  readonly username?: string;
  readonly credential?: string;
}

interface IceServers {
  readonly iceServers: readonly IceServer[];
  /** How long the credentials are good; null where there are none. */
  readonly expiresInMs: number | null;
}

export interface IceOptions {
  /** `stun:`, `stuns:`, `turn:` and `turns:` URLs. */
  readonly urls: readonly string[];
  /** What this server and the TURN servers know and nobody else; needed for `turn:` and `turns:`. */
  readonly turnSecret?: string | undefined;
  readonly turnTtlMs: number;
}

/**
 * Where a user's browser asks for its own address and for relays. The secret stays in here: no setting holds it.
 * Credentials are those of draft-uberti-behave-turn-rest-00, which coturn calls `use-auth-secret`: the name is
 * `expiry:userId` (in seconds), the password base64(HMAC-SHA1(secret, name)).
 */
export type Ice = (userId: string, now: number) => IceServers;

export function createIce({ urls, turnSecret, turnTtlMs }: IceOptions): Ice {
  const relays = urls.filter(isTurnUrl);
  const others = urls.filter((url) => !isTurnUrl(url));
  const plain: readonly IceServer[] = others.length === 0 ? [] : [{ urls: others }];
  if (relays.length === 0 || turnSecret === undefined) return () => ({ iceServers: plain, expiresInMs: null });
  return (userId, now) => {
    const expirySeconds = Math.floor((now + turnTtlMs) / 1000);
    const username = `${expirySeconds}:${userId}`;
    const credential = createHmac("sha1", turnSecret).update(username).digest("base64");
    return { iceServers: [...plain, { urls: relays, username, credential }], expiresInMs: expirySeconds * 1000 - now };
  };
}

/** No server: browsers of one network find each other all the same. */
export const noIce: Ice = () => ({ iceServers: [], expiresInMs: null });

export function isTurnUrl(url: string): boolean {
  return /^turns?:/.test(url);
}
