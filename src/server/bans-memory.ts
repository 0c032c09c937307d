import { BlockList, isIP } from "node:net";
import type { Access } from "./access.js";
import { type Problem, problem } from "./problem.js";

/** Until when, in epoch milliseconds by the server's clock; null for a ban without an end. */
export interface Ban {
  readonly until: number | null;
}

/** A blocked address, or a network of them. */
export interface AddressBan extends Ban {
  /** As PostgreSQL writes an inet: `10.0.0.0/8`. */
  readonly ip: string;
  covers(ip: string): boolean;
}

/** The ban of a user that memory knows of and that holds now. */
export function userBan(access: Access, userId: string): Ban | undefined {
  const ban = access.userBans.get(userId);
  return ban !== undefined && holds(access, ban) ? ban : undefined;
}

/** The ban of an address that memory knows of and that holds now. */
export function addressBan(access: Access, ip: string): Ban | undefined {
  return access.addressBans.find((ban) => holds(access, ban) && ban.covers(ip));
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

/** An address ban for `Access.addressBans`, from an inet of any form. Undefined for what is no address. */
export function readAddressBan(ip: string, until: number | null): AddressBan | undefined {
  const [address = "", bits] = ip.split("/");
  const version = isIP(address);
  if (version === 0) return undefined;
  const list = new BlockList();
  list.addSubnet(address, Number(bits ?? (version === 6 ? 128 : 32)), familyOf(version));
  const covers = (candidate: string) => {
    const candidateVersion = isIP(candidate);
    return candidateVersion !== 0 && list.check(candidate, familyOf(candidateVersion));
  };
  return { ip, until, covers };
}

function familyOf(version: number): "ipv4" | "ipv6" {
  return version === 6 ? "ipv6" : "ipv4";
}

export function bannedProblem({ until }: Ban): Problem<"banned"> {
  const message = until === null ? "banned" : `banned until ${new Date(until).toISOString()}`;
  return problem("banned", message, { details: { until } });
}

function holds(access: Access, { until }: Ban): boolean {
  return until === null || until > access.now();
}
