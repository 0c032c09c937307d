import { isIP } from "node:net";
import type { Ban } from "./bans-memory.js";
import { addressGroup, groupsOfIpv6, plainAddress } from "./http-address.js";

/** A blocked address, or a network of them, as PostgreSQL writes an inet: `10.0.0.0/8`. */
export interface AddressBan extends Ban {
  readonly ip: string;
}

/** Blocked addresses and networks, found without a look at each: there may be thousands, and every request asks. */
export interface AddressBans {
  /** One per network, the one that was added last at the end. */
  readonly list: readonly AddressBan[];
  /** A ban that covers the address and holds at that moment (epoch milliseconds). */
  find(ip: string, now: number): Ban | undefined;
}

/** Of the same network, the later one counts. What is no address bans nobody. */
export function createAddressBans(bans: readonly AddressBan[]): AddressBans {
  const byNetwork = new Map<string, AddressBan>();
  const sizes = new Map<string, Pick<Network, "version" | "bits">>();
  for (const ban of bans) {
    const network = readNetwork(ban.ip);
    if (network === undefined) continue;
    const key = keyOf(network);
    byNetwork.delete(key);
    byNetwork.set(key, ban);
    sizes.set(`${network.version}/${network.bits}`, network);
  }
  return {
    list: [...byNetwork.values()],
    find(ip, now) {
      const address = readNetwork(ip);
      if (address === undefined) return undefined;
      for (const { version, bits } of sizes.values()) {
        const ban = version === address.version ? byNetwork.get(keyOf({ ...address, bits })) : undefined;
        if (ban !== undefined && (ban.until === null || ban.until > now)) return ban;
      }
      return undefined;
    },
  };
}

/**
 * What the ban of an address is a ban of: a bare IPv6 address stands for its /64, in which its user can take any other;
 * `2001:db8::1/128` is only that one. IPv4 in IPv6 is the IPv4, as clients are known here.
 */
export function networkToBan(ip: string): string {
  const [address = "", length] = ip.split("/");
  const plain = plainAddress(address);
  if (length === undefined) return addressGroup(plain);
  if (isIP(address) === isIP(plain)) return `${plain}/${length}`;
  return Number(length) < mappedBits ? ip : `${plain}/${Number(length) - mappedBits}`;
}

/** Bits of an IPv6 address before the IPv4 address that it holds. */
const mappedBits = 96;

interface Network {
  readonly version: 4 | 6;
  readonly bits: number;
  readonly value: bigint;
}

function readNetwork(text: string): Network | undefined {
  const [address = "", length] = (text.includes("/") ? networkToBan(text) : plainAddress(text)).split("/");
  const version = isIP(address);
  if (version === 4) return { version, bits: Number(length ?? 32), value: numberOf(address.split("."), 8n, 10) };
  if (version !== 6) return undefined;
  return { version, bits: Number(length ?? 128), value: numberOf(groupsOfIpv6(address), 16n, 16) };
}

function numberOf(parts: readonly string[], bits: bigint, radix: number): bigint {
  return parts.reduce((value, part) => (value << bits) | BigInt(Number.parseInt(part, radix)), 0n);
}

function keyOf({ version, bits, value }: Network): string {
  return `${version}/${bits} ${value >> BigInt((version === 4 ? 32 : 128) - bits)}`;
}
