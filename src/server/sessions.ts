import { isIP } from "node:net";
import { sha256 } from "../core/digest.js";
import { loadStatement } from "../db/statement.js";
import type { Access, KnownSession } from "./access.js";
import { addressBan, bannedProblem, noteUserBan, userBan } from "./bans-memory.js";
import { bounded } from "./bounded.js";
import { databaseIsDown, withDatabase } from "./durable.js";
import { checkLimit, type LimitedParty, takeLimit } from "./limits.js";
import type { Identity } from "./model.js";
import { isProblem, type Problem, problem } from "./problem.js";

export type SessionProblem = Problem<"unauthorized" | "banned" | "unavailable" | "limited">;

/** How long an HTTP request may rely on what was read for the request before it. */
const recentMs = 5000;
/** A sign-in waits less long than a write: memory can answer for it. */
const readWaitMs = 2000;

/**
 * Who a token belongs to, as the database says right now; what memory knows while the database is down. Refuses with
 * `unauthorized`, `banned`, `unavailable` when the database is down and the token is not known here, or `limited` for an
 * address that tries one wrong token after the other: each costs a look into the database.
 */
export async function authenticate(access: Access, token: string, ip: string): Promise<Identity | SessionProblem> {
  if (!tokenForm.test(token)) return unauthorized();
  const hash = hashToken(token);
  if (access.context.link.status === "none") return recall(access, hash, ip, unauthorized());
  const open = access.sessions.has(hash) ? undefined : checkLimit(access.context, "unknownTokens", partyOf(ip));
  if (open?.ok === false)
    return problem("limited", "too many unknown sessions from this address", { retryAfterMs: open.retryAfterMs });
  const read = withDatabase(access.context, async (database) => {
    const [row] = await database.query<FoundSession>(loadStatement("server/sessions-find"), [
      hash,
      isIP(ip) === 0 ? null : ip,
    ]);
    return row ?? databaseIsDown();
  });
  const found = (await bounded(read, readWaitMs)) ?? databaseIsDown();
  return isProblem(found) ? recall(access, hash, ip, found) : judge(access, { hash, ip }, found);
}

/** As `authenticate`, but without asking the database again within a few seconds. For HTTP requests. */
export async function authenticateRecent(
  access: Access,
  token: string,
  ip: string,
): Promise<Identity | SessionProblem> {
  if (!tokenForm.test(token)) return unauthorized();
  const known = access.sessions.get(hashToken(token));
  const isRecent = known !== undefined && known.ip === ip && access.now() - known.checkedAt < recentMs;
  return isRecent ? recall(access, hashToken(token), ip, unauthorized()) : authenticate(access, token, ip);
}

/** The form in which a token is kept, here and in the database. */
export function hashToken(token: string): string {
  return sha256(token);
}

/** Keeps a session in memory, as the one used last; the one that was used the longest ago goes when there are too many. */
export function rememberSession(access: Access, hash: string, session: KnownSession): void {
  access.sessions.delete(hash);
  access.sessions.set(hash, session);
  if (access.sessions.size <= access.maxSessions) return;
  const [oldest] = access.sessions.keys();
  if (oldest !== undefined) access.sessions.delete(oldest);
}

/** Signs a session out: committed, then forgotten here. `unavailable` when the database cannot take it. */
export async function signOut(
  access: Access,
  token: string,
): Promise<{ readonly signedOut: true } | Problem<"unavailable">> {
  const hash = hashToken(token);
  if (access.context.link.status !== "none") {
    const done = await withDatabase(access.context, async (database) => ({
      count: await database.execute(loadStatement("server/sessions-revoke"), [hash]),
    }));
    if (isProblem(done)) return done;
  }
  access.sessions.delete(hash);
  return { signedOut: true };
}

/** 32 random bytes in base64url. */
const tokenForm = /^[A-Za-z0-9_-]{43}$/;

interface FoundSession {
  readonly userId: string | null;
  readonly name: string;
  readonly accountType: Identity["accountType"];
  readonly isRevoked: boolean;
  readonly leftMs: number;
  readonly isUserBanned: boolean;
  readonly userBanLeftMs: number | null;
  readonly isAddressBanned: boolean;
  readonly addressBanLeftMs: number | null;
}

function judge(
  access: Access,
  { hash, ip }: { hash: string; ip: string },
  found: FoundSession,
): Identity | SessionProblem {
  const now = access.now();
  const endOf = (leftMs: number | null) => (leftMs === null ? null : now + leftMs);
  if (found.isAddressBanned) return bannedProblem({ until: endOf(found.addressBanLeftMs) });
  if (found.userId === null) {
    takeLimit(access.context, "unknownTokens", partyOf(ip));
    access.sessions.delete(hash);
    return unauthorized();
  }
  const ban = found.isUserBanned ? { until: endOf(found.userBanLeftMs) } : undefined;
  noteUserBan(access, found.userId, ban);
  if (ban !== undefined) return bannedProblem(ban);
  if (found.isRevoked || found.leftMs <= 0) {
    access.sessions.delete(hash);
    return unauthorized();
  }
  const identity = { userId: found.userId, name: found.name, accountType: found.accountType };
  rememberSession(access, hash, { identity, ip, expiresAt: now + found.leftMs, checkedAt: now });
  return identity;
}

function partyOf(ip: string): LimitedParty {
  return isIP(ip) === 0 ? {} : { ip };
}

/** What memory knows. `unknown` is the answer for a token that it does not hold. */
function recall(access: Access, hash: string, ip: string, unknown: SessionProblem): Identity | SessionProblem {
  const banned = addressBan(access, ip);
  if (banned !== undefined) return bannedProblem(banned);
  const known = access.sessions.get(hash);
  if (known === undefined) return unknown;
  const ban = userBan(access, known.identity.userId);
  if (ban !== undefined) return bannedProblem(ban);
  if (known.expiresAt <= access.now()) return unauthorized();
  rememberSession(access, hash, known);
  return known.identity;
}

function unauthorized(): Problem<"unauthorized"> {
  return problem("unauthorized", "this session is not known, has expired, or was signed out");
}
