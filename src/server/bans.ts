import type { Database } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { Access } from "./access.js";
import { createAddressBans, networkToBan } from "./bans-addresses.js";
import { type Ban, noteUserBan } from "./bans-memory.js";
import { withDatabase } from "./durable.js";
import { isProblem, type Problem, problem } from "./problem.js";

/** A ban of a user, an address or network, or both. */
export interface NewBan {
  readonly userId?: string | undefined;
  /** Address or network, as PostgreSQL reads an inet. A bare IPv6 address stands for its /64. */
  readonly ip?: string | undefined;
  readonly reason: string;
  /** Without it, the ban holds for ever. */
  readonly durationMs?: number | undefined;
  readonly reportId?: string | undefined;
}

/** Ends a user's connection; with a session (its hash), only one that was made with that session. */
export type Kick = (userId: string, code: "banned" | "unauthorized", session?: string) => void;

interface Banned {
  readonly banned: true;
  /** The address or network that is blocked, if one is. */
  readonly ip: string | null;
  /** Epoch milliseconds; null for ever. */
  readonly until: number | null;
  readonly durable: boolean;
}

/**
 * Bans, committed: signs the user out everywhere, and ends connections and calls that the ban covers, here and now.
 * Without a configured database it holds for as long as this process lives.
 */
export async function addBan(access: Access, kick: Kick, wish: NewBan): Promise<Banned | Problem> {
  const ban = wish.ip === undefined ? wish : { ...wish, ip: networkToBan(wish.ip) };
  const hasDatabase = access.context.link.status !== "none";
  const kept = hasDatabase ? await withDatabase(access.context, (database) => keep(database, ban)) : { known: true };
  if (isProblem(kept)) return kept;
  if (!kept.known) return problem("not_found", "there is no such user");
  const until = ban.durationMs === undefined ? null : access.now() + ban.durationMs;
  if (ban.userId !== undefined) noteUserBan(access, ban.userId, { until });
  if (ban.ip !== undefined) noteAddressBan(access, ban.ip, { until });
  for (const userId of covered(access, ban)) kick(userId, "banned");
  return { banned: true, ip: ban.ip ?? null, until, durable: hasDatabase };
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
  access.addressBans = createAddressBans([...access.addressBans.list, { ip, until }].slice(-access.maxSessions));
}

/** Users that the ban names, whose last address it covers, or who are connected from there. */
function covered(access: Access, ban: NewBan): ReadonlySet<string> {
  const block = createAddressBans(ban.ip === undefined ? [] : [{ ip: ban.ip, until: null }]);
  const users = new Set(ban.userId === undefined ? [] : [ban.userId]);
  if (block.list.length === 0) return users;
  for (const { identity, ip } of access.sessions.values()) {
    if (block.find(ip, 0) !== undefined) users.add(identity.userId);
  }
  for (const { userId, ip } of access.connected()) if (block.find(ip, 0) !== undefined) users.add(userId);
  return users;
}
