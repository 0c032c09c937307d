import type { Database } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { Access } from "./access.js";
import { type Ban, noteUserBan, readAddressBan } from "./bans-memory.js";
import { withDatabase } from "./durable.js";
import { isProblem, type Problem, problem } from "./problem.js";

/** A ban of a user, an address or network, or both. */
export interface NewBan {
  readonly userId?: string | undefined;
  /** Address or network, as PostgreSQL reads an inet. */
  readonly ip?: string | undefined;
  readonly reason: string;
  /** Without it, the ban holds for ever. */
  readonly durationMs?: number | undefined;
  readonly reportId?: string | undefined;
}

export type Kick = (userId: string, code: "banned" | "unauthorized") => void;

/**
 * Bans, committed: signs the user out everywhere, and ends connections and calls that the ban covers, here and now.
 * Without a configured database it holds for as long as this process lives.
 */
export async function addBan(
  access: Access,
  kick: Kick,
  ban: NewBan,
): Promise<{ readonly banned: true; readonly until: number | null; readonly durable: boolean } | Problem> {
  const hasDatabase = access.context.link.status !== "none";
  const kept = hasDatabase ? await withDatabase(access.context, (database) => keep(database, ban)) : { known: true };
  if (isProblem(kept)) return kept;
  if (!kept.known) return problem("not_found", "there is no such user");
  const until = ban.durationMs === undefined ? null : access.now() + ban.durationMs;
  if (ban.userId !== undefined) noteUserBan(access, ban.userId, { until });
  if (ban.ip !== undefined) noteAddressBan(access, ban.ip, { until });
  for (const userId of covered(access, ban)) kick(userId, "banned");
  return { banned: true, until, durable: hasDatabase };
}

async function keep(database: Database, ban: NewBan): Promise<{ readonly known: boolean }> {
  const [row] = await database.query<{ known: boolean }>(loadStatement("server/bans-add"), [
    ban.userId ?? null,
    ban.ip ?? null,
    ban.reason,
    ban.durationMs ?? null,
    ban.reportId ?? null,
  ]);
  return { known: row?.known ?? false };
}

/** At most as many as there are sessions; the oldest go. */
function noteAddressBan(access: Access, ip: string, { until }: Ban): void {
  const added = readAddressBan(ip, until);
  if (added === undefined) return;
  const others = access.addressBans.filter((ban) => ban.ip !== ip);
  access.addressBans = [...others, added].slice(-access.maxSessions);
}

/** Users that the ban names, or whose last address it covers. */
function covered(access: Access, ban: NewBan): ReadonlySet<string> {
  const block = ban.ip === undefined ? undefined : readAddressBan(ban.ip, null);
  const users = new Set(ban.userId === undefined ? [] : [ban.userId]);
  for (const { identity, ip } of access.sessions.values()) {
    if (block?.covers(ip)) users.add(identity.userId);
  }
  return users;
}
