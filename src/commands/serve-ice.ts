import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { parseDurationMs } from "../core/duration.js";
import { messageOf, RoomctlError } from "../core/errors.js";
import { createIce, type Ice, isTurnUrl } from "../server/ice.js";
import type { Flag, ParsedInput } from "./command.js";

/** Where browsers find relays, as typed. The secret itself is in no argument: others can read those. */
export interface ServeIceOptions {
  readonly urls: readonly string[];
  readonly turnSecretFile: string | undefined;
  readonly turnTtlMs: number;
}

export const serveIceFlags: readonly Flag[] = [
  {
    flags: "--ice-server <url>",
    description: "STUN or TURN server for calls across NATs: stun:HOST[:PORT], turn:HOST[:PORT][?transport=tcp]",
    isRepeatable: true,
  },
  {
    flags: "--turn-secret-file <file>",
    description: "File with the secret shared with the TURN servers; or the variable ROOMCTL_TURN_SECRET",
  },
  { flags: "--turn-ttl <duration>", description: "How long a user's TURN credentials are good (default 24h)" },
];

const dayMs = 24 * 3_600_000;

/** Throws E_USAGE that names the flag. */
export function parseServeIceOptions({ flags }: Pick<ParsedInput, "flags">): ServeIceOptions {
  const { iceServer, turnSecretFile, turnTtl } = flags;
  const turnTtlMs = typeof turnTtl === "string" ? parseDurationMs(turnTtl, "--turn-ttl") : dayMs;
  if (turnTtlMs < 60_000 || turnTtlMs > 30 * dayMs) {
    throw new RoomctlError("E_USAGE", `--turn-ttl is not from 1m to 30d: ${JSON.stringify(turnTtl)}`, {
      hint: "roomctl serve --turn-ttl 24h",
    });
  }
  return {
    urls: Array.isArray(iceServer) ? [...new Set(iceServer.map(parseIceUrl))] : [],
    turnSecretFile: typeof turnSecretFile === "string" ? turnSecretFile : undefined,
    turnTtlMs,
  };
}

/**
 * Reads the secret: from the file, or else what the environment holds. Throws E_USAGE when it cannot be read, is missing
 * although there is a TURN server, or is there although there is none.
 */
export function openIce(
  { urls, turnSecretFile, turnTtlMs }: ServeIceOptions,
  fromEnvironment: string | undefined,
): Ice {
  const turnSecret = turnSecretFile === undefined ? fromEnvironment?.trim() || undefined : readSecret(turnSecretFile);
  if (turnSecret === undefined && urls.some(isTurnUrl)) {
    throw new RoomctlError("E_USAGE", "a turn: server needs the secret that it shares with this one", {
      hint: "roomctl serve --ice-server turn:turn.example.com --turn-secret-file turn.secret",
    });
  }
  if (turnSecret !== undefined && !urls.some(isTurnUrl)) {
    throw new RoomctlError("E_USAGE", "there is a TURN secret, but no --ice-server is a turn: URL", {
      hint: "roomctl serve --ice-server turn:turn.example.com --turn-secret-file turn.secret",
    });
  }
  return createIce({ urls, turnSecret, turnTtlMs });
}

/** One URL that a browser does not take would keep it from making any call. RFC 7064, RFC 7065. */
function parseIceUrl(text: string): string {
  const [, scheme = "", host = "", port, transport] =
    /^(stuns?|turns?):(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?(\?transport=(?:udp|tcp))?$/i.exec(text) ?? [];
  const isAddress = !host.startsWith("[") || isIP(host.slice(1, -1)) === 6;
  const isPort = port === undefined || (Number(port) >= 1 && Number(port) <= 65_535);
  const hasRoom = transport === undefined || scheme.toLowerCase().startsWith("turn");
  if (scheme !== "" && isAddress && isPort && hasRoom) return text.replace(/^[a-z]+/i, scheme.toLowerCase());
  // What was typed may hold a password, and errors are logged.
  const shown = text.includes("@") ? "it holds a user or a password, which do not belong there" : JSON.stringify(text);
  throw new RoomctlError("E_USAGE", `--ice-server is not a STUN or TURN URL: ${shown}`, {
    hint: "roomctl serve --ice-server stun:stun.example.com:3478",
  });
}

function readSecret(path: string): string {
  let secret: string;
  try {
    secret = readFileSync(path, "utf8").trim();
  } catch (cause) {
    throw new RoomctlError("E_USAGE", `--turn-secret-file cannot be read: ${messageOf(cause)}`, {
      cause,
      hint: "openssl rand -hex 32 > turn.secret, and the same as static-auth-secret of the TURN server",
    });
  }
  if (/^[\x20-\x7e]{1,1000}$/.test(secret)) return secret;
  throw new RoomctlError("E_USAGE", `--turn-secret-file does not hold one line of text: ${path}`, {
    hint: "openssl rand -hex 32 > turn.secret, and the same as static-auth-secret of the TURN server",
  });
}
