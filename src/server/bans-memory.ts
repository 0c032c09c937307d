import type { Access } from "./access.js";
import { type Problem, problem } from "./problem.js";

/** Until when, in epoch milliseconds by the server's clock; null for a ban without an end. */
export interface Ban {
  readonly until: number | null;
}

/** The ban of a user that memory knows of and that holds now. */
export function userBan(access: Access, userId: string): Ban | undefined {
  const ban = access.userBans.get(userId);
  return ban !== undefined && holds(access, ban) ? ban : undefined;
}

/** The ban of an address that memory knows of and that holds now. */
export function addressBan(access: Access, ip: string): Ban | undefined {
  return access.addressBans.find(ip, access.now());
}

/** Keeps what the database says about a user's ban; at most as many as there are sessions, the oldest go. */
export function noteUserBan(access: Access, userId: string, ban: Ban | undefined): void {
  access.userBans.delete(userId);
  if (ban === undefined) return;
  access.userBans.set(userId, ban);
  if (access.userBans.size <= access.maxSessions) return;
  const [oldest] = access.userBans.keys();
  if (oldest !== undefined) access.userBans.delete(oldest);
}

export function bannedProblem({ until }: Ban): Problem<"banned"> {
  const message = until === null ? "banned" : `banned until ${new Date(until).toISOString()}`;
  return problem("banned", message, { details: { until } });
}

function holds(access: Access, { until }: Ban): boolean {
  return until === null || until > access.now();
}
