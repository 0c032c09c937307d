import { addressGroup } from "./http-address.js";
import { type Refusal, refuse } from "./refusal.js";
import type { ServerSettings } from "./settings.js";

/** How many connections there are, in all and per address (of IPv6: per /64), with or without a valid token. */
export interface Admission {
  opened(ip: string): void;
  closed(ip: string): void;
  /** True when not even a connection may be made to say why: far more than may be are open already. */
  isFlooded(ip: string): boolean;
  /** Undefined when one more session may begin on this connection, which is counted already. */
  check(ip: string, connection: object): Refusal | undefined;
}

const retryAfterMs = 5_000;
/** Sign-ins that one connection may try: each costs a look into the database. */
const mostAttempts = 5;

export function createAdmission({
  maxConnections,
  maxConnectionsPerIp,
}: Pick<ServerSettings, "maxConnections" | "maxConnectionsPerIp">): Admission {
  const perGroup = new Map<string, number>();
  const of = (ip: string) => perGroup.get(addressGroup(ip)) ?? 0;
  const attempts = new WeakMap<object, number>();
  let total = 0;
  return {
    opened(ip) {
      total += 1;
      perGroup.set(addressGroup(ip), of(ip) + 1);
    },
    closed(ip) {
      total -= 1;
      const left = of(ip) - 1;
      if (left > 0) perGroup.set(addressGroup(ip), left);
      else perGroup.delete(addressGroup(ip));
    },
    isFlooded: (ip) => total >= maxConnections * 1.5 || of(ip) >= maxConnectionsPerIp * 2,
    check(ip, connection) {
      const tried = (attempts.get(connection) ?? 0) + 1;
      attempts.set(connection, tried);
      if (total > maxConnections) return refuse("busy", "the server is full", retryAfterMs);
      if (of(ip) > maxConnectionsPerIp) {
        return refuse("limited", "too many connections from this address", retryAfterMs);
      }
      return tried > mostAttempts ? refuse("limited", "too many attempts on one connection", retryAfterMs) : undefined;
    },
  };
}
