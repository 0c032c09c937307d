import { messageOf } from "../core/errors.js";
import type { Database } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { Access } from "./access.js";
import type { Kick } from "./bans.js";
import { type AddressBan, noteUserBan, readAddressBan } from "./bans-memory.js";
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
 * deleted or banned by somebody else is forgotten here, and whoever is still connected by it is told to go.
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
  dropExpired(access);
  if (access.context.link.status !== "up") return;
  const bans = await withDatabase(access.context, (database) => readAddressBans(access, database));
  if (!isProblem(bans)) access.addressBans = bans;
  const hashes = [...access.sessions.keys()];
  for (let start = 0; start < hashes.length; start += pageSize) {
    const page = hashes.slice(start, start + pageSize);
    const held = await withDatabase(access.context, (database) =>
      database.query<CheckedSession>(loadStatement("server/sessions-recheck"), [page]),
    );
    if (isProblem(held)) return;
    for (const session of held) apply(access, kick, session);
  }
}

interface CheckedSession {
  readonly hash: string;
  readonly isValid: boolean;
  readonly isBanned: boolean;
  readonly banLeftMs: number | null;
}

function apply(access: Access, kick: Kick, { hash, isValid, isBanned, banLeftMs }: CheckedSession): void {
  const known = access.sessions.get(hash);
  if (known === undefined) return;
  const { userId } = known.identity;
  if (isBanned) noteUserBan(access, userId, { until: banLeftMs === null ? null : access.now() + banLeftMs });
  if (!isValid) access.sessions.delete(hash);
  if (isBanned || !isValid) kick(userId, isBanned ? "banned" : "unauthorized");
}

async function readAddressBans(access: Access, database: Database): Promise<readonly AddressBan[]> {
  const sql = loadStatement("server/bans-addresses");
  const rows = await database.query<{ ip: string; leftMs: number | null }>(sql, [mostAddressBans]);
  return rows.flatMap(({ ip, leftMs }) => readAddressBan(ip, leftMs === null ? null : access.now() + leftMs) ?? []);
}

function dropExpired(access: Access): void {
  const now = access.now();
  for (const [hash, { expiresAt }] of access.sessions) if (expiresAt <= now) access.sessions.delete(hash);
  for (const [userId, { until }] of access.userBans) if (until !== null && until <= now) access.userBans.delete(userId);
}
