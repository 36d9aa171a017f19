import { BlockList, isIP } from "node:net";

/** Proxies whose word about their callers counts. */
export interface TrustedProxies {
  has(address: string): boolean;
}

/** Hops of a forwarding header that are looked at, from the right. */
const MAX_HOPS = 32;

/**
 * Reads addresses and networks of trusted proxies.
 *
 * @throws RangeError naming the one that is neither.
 *
 * @example
 * trustedProxies(["127.0.0.1", "10.0.0.0/8", "fd00::/8"]).has("10.1.2.3"); // true
 */
export function trustedProxies(networks: readonly string[]): TrustedProxies {
  const list = new BlockList();
  for (const network of networks) {
    const [, address = "", prefix] = /^([0-9A-Fa-f:.]+)(?:\/(\d{1,3}))?$/.exec(network) ?? [];
    const version = isIP(address);
    const bits = version === 4 ? 32 : 128;
    if (version === 0 || Number(prefix ?? 0) > bits) {
      throw new RangeError(
        `'${network}' is no IP address and no network such as 10.0.0.0/8 or fd00::/8`,
      );
    }
    list.addSubnet(address, Number(prefix ?? bits), version === 4 ? "ipv4" : "ipv6");
  }
  return {
    has(address) {
      const version = isIP(address);
      return version !== 0 && list.check(address, version === 4 ? "ipv4" : "ipv6");
    },
  };
}

/** An address without port, brackets or zone, IPv4 not dressed as IPv6; undefined for anything else. */
function plainAddress(text: string): string | undefined {
  const trimmed = text.trim();
  const bare =
    /^\[([^\]]+)\](?::\d{1,5})?$/.exec(trimmed)?.[1] ??
    /^(\d+\.\d+\.\d+\.\d+)(?::\d{1,5})?$/.exec(trimmed)?.[1] ??
    trimmed;
  const address = bare.replace(/%.*$/, "").replace(/^::ffff:(?=\d+\.)/i, "");
  return isIP(address) === 0 ? undefined : address.toLowerCase();
}

/**
 * The caller's address: the connection's other end, unless that is a trusted proxy, which says for
 * whom it asks. Of `X-Forwarded-For` each proxy appends the address it saw, so the right-most that
 * is no trusted proxy is the caller's; what stands left of it anybody may have written.
 *
 * @param peer the connection's other end
 * @param forwarded the values of `X-Forwarded-For`, joined by commas
 */
export function callerAddress(
  peer: string | undefined,
  forwarded: string | undefined,
  proxies: TrustedProxies,
): string {
  let caller = plainAddress(peer ?? "") ?? "unknown";
  const hops = (forwarded ?? "").split(",").slice(-MAX_HOPS);
  while (proxies.has(caller)) {
    const next = plainAddress(hops.pop() ?? "");
    if (next === undefined) break;
    caller = next;
  }
  return caller;
}

/**
 * What is counted together: an IPv4 address, or the /64 of an IPv6 address, which one household or
 * machine has to itself.
 */
export function addressGroup(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = "", tail] = address.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => "0");
  const groups = tail === undefined ? left : [...left, ...zeros, ...right];
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":")}::/64`;
}
