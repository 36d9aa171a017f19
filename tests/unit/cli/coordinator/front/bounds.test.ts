import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BodyPace } from "../../../../../client/cli/coordinator/front/body-pace.ts";
import { RecentAddresses } from "../../../../../client/cli/coordinator/front/recent-addresses.ts";
import { StrangerQuota } from "../../../../../client/cli/coordinator/front/stranger-quota.ts";
import { Tally } from "../../../../../client/cli/coordinator/front/tally.ts";
import { Turns } from "../../../../../client/cli/coordinator/front/turns.ts";

describe("strangers' requests", () => {
  it("are bounded an address, and fill up again", () => {
    const quota = new StrangerQuota({ perSecond: 2, atOnce: 3 }, { perSecond: 99, atOnce: 99 }, 10);
    const taken = Array.from({ length: 5 }, () => quota.take("a", 0));
    expect(taken).toEqual([true, true, true, false, false]);
    expect(quota.take("b", 0)).toBe(true);
    expect(quota.take("a", 499)).toBe(false);
    expect(quota.take("a", 500)).toBe(true);
    expect(quota.take("a", 500)).toBe(false);
    // Never above what is permitted at once, nor less for a clock that was set back.
    expect([1, 2, 3, 4].map(() => quota.take("a", 3_600_000))).toEqual([true, true, true, false]);
    expect(quota.take("a", 0)).toBe(false);
  });

  it("are bounded altogether; an address that is refused so pays nothing", () => {
    const quota = new StrangerQuota({ perSecond: 1, atOnce: 2 }, { perSecond: 1, atOnce: 2 }, 10);
    expect([quota.take("a", 0), quota.take("b", 0), quota.take("c", 0)]).toEqual([
      true,
      true,
      false,
    ]);
    expect(quota.take("c", 1000)).toBe(true);
  });
});

describe("what is remembered of addresses", () => {
  it("is bounded: the one touched longest ago goes", () => {
    const recent = new RecentAddresses<number>(2);
    recent.set("a", 1);
    recent.set("b", 2);
    recent.set("a", 3);
    recent.set("c", 4);
    expect(["a", "b", "c"].map((address) => recent.get(address))).toEqual([3, undefined, 4]);
  });
});

describe("a tally", () => {
  it("bounds all and each address, and counts each end once", () => {
    const tally = new Tally(3, 2);
    const first = tally.enter("a");
    expect(tally.enter("a")).toBeDefined();
    expect(tally.enter("a")).toBeUndefined();
    expect(tally.enter("b")).toBeDefined();
    expect(tally.enter("c")).toBeUndefined();
    first?.();
    first?.();
    expect(tally.enter("c")).toBeDefined();
    expect(tally.enter("d")).toBeUndefined();
  });
});

describe("turns", () => {
  it("come in order, skip who left, and are given on once", () => {
    const turns = new Turns(2);
    const begun: string[] = [];
    const ends = new Map<string, () => void>();
    const take = (name: string) =>
      turns.take((end) => {
        begun.push(name);
        ends.set(name, end);
      });
    for (const name of ["a", "b", "c"]) take(name);
    const leave = take("d");
    take("e");
    expect(begun).toEqual(["a", "b"]);
    leave();
    ends.get("a")?.();
    ends.get("a")?.();
    expect(begun).toEqual(["a", "b", "c"]);
    ends.get("b")?.();
    expect(begun).toEqual(["a", "b", "c", "e"]);
  });
});

describe("the pace of a body", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const limits = { bodyWindowMs: 30_000, bodyWindowBytes: 32 * 1024 };
  function watch() {
    const complaints: string[] = [];
    return { pace: new BodyPace(limits, (why) => complaints.push(why)), complaints };
  }

  it("may be slow but steady", () => {
    const { pace, complaints } = watch();
    for (let second = 0; second < 600; second++) {
      pace.received(2000);
      vi.advanceTimersByTime(1000);
    }
    pace.end();
    expect(complaints).toEqual([]);
  });

  it("is too slow when nothing comes for a window", () => {
    const { complaints } = watch();
    vi.advanceTimersByTime(27_000);
    expect(complaints).toEqual([]);
    vi.advanceTimersByTime(3_000);
    expect(complaints[0]).toContain("nothing");
  });

  it("is too slow when a byte a second comes", () => {
    const { pace, complaints } = watch();
    for (let second = 0; second < 31; second++) {
      pace.received(1);
      vi.advanceTimersByTime(1000);
    }
    expect(complaints[0]).toContain("too slowly");
  });

  it("does not count while the Worker lags behind", () => {
    const { pace, complaints } = watch();
    pace.pause();
    vi.advanceTimersByTime(300_000);
    expect(complaints).toEqual([]);
    pace.resume();
    vi.advanceTimersByTime(30_000);
    expect(complaints).toHaveLength(1);
  });
});
