import { isIP } from "node:net";

/**
 * The client's address: that of the connection, or, behind `trustedProxies` proxies, what the outermost of them wrote
 * into X-Forwarded-For. Entries further left come from the client and are worth nothing. IPv4 stays IPv4 on a dual socket.
 */
export function clientAddress(
  remoteAddress: string | undefined,
  forwardedFor: string | readonly string[] | undefined,
  trustedProxies: number,
): string {
  const remote = plainAddress(remoteAddress ?? "");
  if (trustedProxies === 0 || forwardedFor === undefined) return remote;
  const hops = [forwardedFor].flat().join(",").split(",").map(plainAddress);
  const claimed = hops.at(-Math.min(trustedProxies, hops.length)) ?? "";
  return isIP(claimed) === 0 ? remote : claimed;
}

/** `::ffff:10.0.0.1` → `10.0.0.1`, `fe80::1%eth0` → `fe80::1`, `10.0.0.1:4711` → `10.0.0.1`. */
function plainAddress(text: string): string {
  const address = text
    .trim()
    .replace(/%.*$/, "")
    .replace(/^\[(.*)\](:\d+)?$/, "$1");
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped ?? address.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1");
}

/**
 * Whether a page of this origin may use the server: one that it served itself, one of the list, any with `*`. Requests
 * without an origin come from no page.
 */
export function isAllowedOrigin(
  origin: string | undefined,
  host: string | undefined,
  allowed: readonly string[],
): boolean {
  if (origin === undefined || allowed.includes("*") || allowed.includes(origin)) return true;
  return URL.canParse(origin) && host !== undefined && new URL(origin).host === host.toLowerCase();
}
