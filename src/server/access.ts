import { randomBytes, randomInt } from "node:crypto";
import { type AddressBans, createAddressBans } from "./bans-addresses.js";
import type { Ban } from "./bans-memory.js";
import type { ServerContext } from "./context.js";
import type { Identity } from "./model.js";

/**
 * Who may do what, as this process knows it: sessions and bans that were read from the database, kept so that calls go on
 * while it is down. Without a configured database it is all there is.
 */
export interface Access {
  readonly context: ServerContext;
  readonly secrets: Secrets;
  /** By the token's SHA-256, the one used last at the end. */
  readonly sessions: Map<string, KnownSession>;
  readonly maxSessions: number;
  /** By user id: bans that hold or have run out a moment ago. */
  readonly userBans: Map<string, Ban>;
  /** Addresses and networks that are blocked; replaced as a whole. */
  addressBans: AddressBans;
  /** Who is connected right now. */
  readonly connected: () => readonly Connected[];
  /** Epoch milliseconds by the server's clock. */
  readonly now: () => number;
}

/** A user's connection, and by which session it was made. */
export interface Connected {
  readonly userId: string;
  /** The token's SHA-256. */
  readonly session: string;
  readonly ip: string;
}

export interface KnownSession {
  readonly identity: Identity;
  /** The address that it was last used from. */
  readonly ip: string;
  readonly expiresAt: number;
  /** When the database last said that it holds. */
  readonly checkedAt: number;
}

/** What nobody may guess; a test brings its own. */
export interface Secrets {
  /** A session token: 32 random bytes in base64url. */
  token(): string;
  /** Six digits. */
  emailCode(): string;
  /** The code of a link or an invitation: 96 random bits in base64url. */
  linkCode(): string;
}

export const randomSecrets: Secrets = {
  token: () => randomBytes(32).toString("base64url"),
  emailCode: () => String(randomInt(1_000_000)).padStart(6, "0"),
  linkCode: () => randomBytes(12).toString("base64url"),
};

export interface AccessOptions {
  readonly secrets?: Secrets;
  /** How many sessions memory holds at most; 50,000 unless told, about 20 MB. */
  readonly maxSessions?: number;
  /** Nobody unless told. */
  readonly connected?: Access["connected"];
}

export function createAccess(context: ServerContext, options: AccessOptions = {}): Access {
  return {
    context,
    secrets: options.secrets ?? randomSecrets,
    sessions: new Map(),
    maxSessions: options.maxSessions ?? 50_000,
    userBans: new Map(),
    addressBans: createAddressBans([]),
    connected: options.connected ?? (() => []),
    now: () => context.clock.now().getTime(),
  };
}
