import { describe, expect, it } from "vitest";
import {
  addressGroup,
  callerAddress,
  trustedProxies,
} from "../../../../../client/cli/coordinator/front/caller-address.ts";

const PROXIES = trustedProxies(["10.0.0.0/8", "192.168.1.7", "fd00::/8"]);

describe("the caller's address", () => {
  it.each([
    // The socket's, whatever a stranger writes.
    ["203.0.113.5", "1.2.3.4", "203.0.113.5"],
    ["::ffff:203.0.113.5", undefined, "203.0.113.5"],
    ["2001:db8::1", "1.2.3.4", "2001:db8::1"],
    // A trusted proxy's word: the right-most hop that is none.
    ["10.0.0.1", "198.51.100.9", "198.51.100.9"],
    ["10.0.0.1", "1.1.1.1, 198.51.100.9, 10.2.3.4", "198.51.100.9"],
    ["10.0.0.1", "127.0.0.1, 198.51.100.9", "198.51.100.9"],
    ["::ffff:10.0.0.1", "198.51.100.9:5555", "198.51.100.9"],
    ["fd00::1", "[2001:db8::7]:443", "2001:db8::7"],
    // One that says nothing, or nothing that is an address, stands for itself.
    ["10.0.0.1", undefined, "10.0.0.1"],
    ["10.0.0.1", "", "10.0.0.1"],
    ["10.0.0.1", "198.51.100.9, unknown", "10.0.0.1"],
    ["10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"],
    [undefined, "1.2.3.4", "unknown"],
  ])("peer %s with '%s' is %s", (peer, forwarded, address) => {
    expect(callerAddress(peer, forwarded, PROXIES)).toBe(address);
  });

  it("is nobody's word without a trusted proxy", () => {
    expect(callerAddress("127.0.0.1", "1.2.3.4", trustedProxies([]))).toBe("127.0.0.1");
  });

  it.each(["10.0.0.0/33", "proxy.example.org", "10.0.0", "::/129", ""])(
    "'%s' is no proxy",
    (network) => {
      expect(() => trustedProxies([network])).toThrow(RangeError);
    },
  );

  it("is counted with its /64 where it is IPv6", () => {
    expect(addressGroup("203.0.113.5")).toBe("203.0.113.5");
    expect(addressGroup("2001:db8:0:1::9")).toBe(addressGroup("2001:db8:0:1:ffff::1"));
    expect(addressGroup("2001:db8::9")).not.toBe(addressGroup("2001:db8:0:1::9"));
    expect(addressGroup("::1")).toBe("0:0:0:0::/64");
  });
});
