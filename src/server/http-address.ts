import { isIP, SocketAddress } from "node:net";

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

/**
 * What one subscriber has, for whatever is counted per address: an IPv4 address, and of IPv6 the whole /64, in which a
 * client chooses its addresses itself. `2001:db8::1` → `2001:db8::/64`. Takes an address as `clientAddress` gives it.
 */
export function addressGroup(address: string): string {
  return isIP(address) === 6 ? `${canonicalIpv6(`${groupsOfIpv6(address).slice(0, 4).join(":")}::`)}/64` : address;
}

/** The eight groups of an IPv6 address: `2001:db8::1` → 2001, db8, 0, 0, 0, 0, 0, 1. */
export function groupsOfIpv6(address: string): readonly string[] {
  // A dotted end stands for two groups.
  const text = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, ...bytes: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = bytes.slice(0, 4).map(Number);
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
  const [head = [], tail = []] = text.split("::").map((part) => (part === "" ? [] : part.split(":")));
  const missing = Array<string>(8 - head.length - tail.length).fill("0");
  return [...head, ...missing, ...tail];
}

/**
 * One form for each address: `::ffff:10.0.0.1`, `::FFFF:a00:1` → `10.0.0.1`, `FE80:0::1%eth0` → `fe80::1`,
 * `10.0.0.1:4711` → `10.0.0.1`, `[2001:db8::1]:4711` → `2001:db8::1`. What is no address stays as it is.
 */
export function plainAddress(text: string): string {
  const address = text
    .trim()
    .replace(/^\[(.*)\](:\d+)?$/, "$1")
    .replace(/%.*$/, "")
    .replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1");
  return isIP(address) === 6 ? canonicalIpv6(address).replace(/^::ffff:(?=\d+\.)/, "") : address;
}

/** Short and in lower case; a dotted end only where the address holds an IPv4 address. */
function canonicalIpv6(address: string): string {
  return new SocketAddress({ address, family: "ipv6" }).address;
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
