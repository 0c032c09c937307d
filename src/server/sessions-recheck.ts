import { messageOf } from "../core/errors.js";
import type { Database } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { Access } from "./access.js";
import type { Kick } from "./bans.js";
import { type AddressBans, createAddressBans } from "./bans-addresses.js";
import { addressBan, noteUserBan } from "./bans-memory.js";
import { withDatabase } from "./durable.js";
import { isProblem } from "./problem.js";

export interface Recheck {
  /** Does one round now. */
  run(): Promise<void>;
  stop(): void;
}

const everyMs = 60_000;
const pageSize = 1000;
const mostAddressBans = 10_000;

/**
 * Holds what memory knows of sessions and bans against the database, once a minute while it is up: what was revoked,
 * deleted or banned by somebody else is forgotten here. Whoever is still connected by such a session, or by one whose
 * time is over, is told to go; other sessions of the same user go on. A ban concerns all of them.
 */
export function startRecheck(access: Access, kick: Kick): Recheck {
  let isRunning = false;
  const run = async () => {
    if (isRunning) return;
    isRunning = true;
    try {
      await recheck(access, kick);
    } catch (error) {
      // The next round asks again; until then memory stays as it is.
      access.context.log.error({ reason: messageOf(error) }, "sessions and bans could not be read again");
    } finally {
      isRunning = false;
    }
  };
  const timer = setInterval(run, everyMs).unref();
  return { run, stop: () => clearInterval(timer) };
}

async function recheck(access: Access, kick: Kick): Promise<void> {
  dropExpired(access, kick);
  if (access.context.link.status !== "up") return;
  const bans = await withDatabase(access.context, (database) => readAddressBans(access, database));
  if (!isProblem(bans)) access.addressBans = bans;
  for (const { userId, ip } of access.connected()) if (addressBan(access, ip) !== undefined) kick(userId, "banned");
  const users = usersBySession(access);
  const hashes = [...users.keys()];
  for (let start = 0; start < hashes.length; start += pageSize) {
    const page = hashes.slice(start, start + pageSize);
    const held = await withDatabase(access.context, (database) =>
      database.query<CheckedSession>(loadStatement("server/sessions-recheck"), [page]),
    );
    if (isProblem(held)) return;
    for (const session of held) apply(access, kick, { ...session, userId: users.get(session.hash) });
  }
}

interface CheckedSession {
  readonly hash: string;
  readonly isValid: boolean;
  readonly isBanned: boolean;
  readonly banLeftMs: number | null;
}

/** Of the sessions that memory knows, and of those that connections were made with: memory may have dropped these. */
function usersBySession(access: Access): ReadonlyMap<string, string> {
  return new Map([
    ...[...access.sessions].map(([hash, { identity }]) => [hash, identity.userId] as const),
    ...access.connected().map(({ session, userId }) => [session, userId] as const),
  ]);
}

interface OwnedSession extends CheckedSession {
  readonly userId: string | undefined;
}

function apply(access: Access, kick: Kick, { hash, userId, isValid, isBanned, banLeftMs }: OwnedSession): void {
  if (userId === undefined) return;
  if (isBanned) noteUserBan(access, userId, { until: banLeftMs === null ? null : access.now() + banLeftMs });
  if (!isValid) access.sessions.delete(hash);
  if (isBanned) kick(userId, "banned");
  else if (!isValid) kick(userId, "unauthorized", hash);
}

async function readAddressBans(access: Access, database: Database): Promise<AddressBans> {
  const sql = loadStatement("server/bans-addresses");
  const rows = await database.query<{ ip: string; leftMs: number | null }>(sql, [mostAddressBans]);
  return createAddressBans(
    rows.map(({ ip, leftMs }) => ({ ip, until: leftMs === null ? null : access.now() + leftMs })),
  );
}

function dropExpired(access: Access, kick: Kick): void {
  const now = access.now();
  for (const [hash, { identity, expiresAt }] of access.sessions) {
    if (expiresAt > now) continue;
    access.sessions.delete(hash);
    kick(identity.userId, "unauthorized", hash);
  }
  for (const [userId, { until }] of access.userBans) if (until !== null && until <= now) access.userBans.delete(userId);
}
