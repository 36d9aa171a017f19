import { createHmac } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  KnownTokens,
  shownToken,
} from "../../../../../client/cli/coordinator/front/known-tokens.ts";
import { FRONT_LIMITS } from "../../../../../client/cli/coordinator/front/limits.ts";
import { takesGzip } from "../../../../../client/cli/coordinator/front/public-answers.ts";
import { holdOf, Refusals } from "../../../../../client/cli/coordinator/front/refusals.ts";

const KEY = "a-signing-key-of-the-tests-32-bytes-long";
const OLD_KEY = "an-older-signing-key-of-the-tests-32-bytes";

function jwt(key: string, payload = "e30"): string {
  const signed = `eyJhbGciOiJIUzI1NiJ9.${payload}`;
  return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
}

describe("tokens of this coordinator", () => {
  const tokens = new KnownTokens({
    adminToken: { present: "the-admin-token-now", previous: { secret: "before", until: 1000 } },
    signingKey: { present: KEY, previous: { secret: OLD_KEY, until: 1000 } },
  });

  it("[P7] are the administrator's and what a key has signed, old ones for their time", () => {
    for (const token of ["the-admin-token-now", jwt(KEY)]) {
      expect(tokens.has(token, 0)).toBe(true);
      expect(tokens.has(token, 5000)).toBe(true);
    }
    for (const token of ["before", jwt(OLD_KEY)]) {
      expect(tokens.has(token, 999)).toBe(true);
      expect(tokens.has(token, 1000)).toBe(false);
    }
  });

  it.each([
    "",
    "x",
    "..",
    "a.b.c",
    jwt("another key"),
    `${jwt(KEY)}x`,
    jwt(KEY).replace(/\.e30\./, ".e31."),
    `${jwt(KEY).split(".").slice(0, 2).join(".")}.`,
  ])("'%s' is none", (token) => {
    expect(tokens.has(token, 0)).toBe(false);
  });

  it("are shown as a bearer token or a subprotocol", () => {
    expect(shownToken({ authorization: "Bearer  abc " })).toBe("abc");
    expect(shownToken({ authorization: "Basic abc" })).toBeUndefined();
    expect(shownToken({ "sec-websocket-protocol": "scour.v1, scour.bearer.a.b.c" })).toBe("a.b.c");
    expect(shownToken({})).toBeUndefined();
  });
});

describe("refused logins", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("are answered later and later, up to a bound", () => {
    const holds = Array.from({ length: 40 }, (_, count) => holdOf(count + 1, FRONT_LIMITS));
    expect(holds.slice(0, FRONT_LIMITS.promptRefusals).every((hold) => hold === 0)).toBe(true);
    expect(holds[FRONT_LIMITS.promptRefusals]).toBe(FRONT_LIMITS.firstHoldMs);
    expect(holds).toEqual([...holds].sort((a, b) => a - b));
    expect(holds.at(-1)).toBe(FRONT_LIMITS.longestHoldMs);
  });

  it("are forgotten after a while, an address for itself", () => {
    const refusals = new Refusals({ ...FRONT_LIMITS, promptRefusals: 1 }, () => {});
    expect(refusals.note("a", "GET /", 0)?.holdMs).toBe(0);
    expect(refusals.note("a", "GET /", 1)?.holdMs).toBe(FRONT_LIMITS.firstHoldMs);
    expect(refusals.note("b", "GET /", 2)?.holdMs).toBe(0);
    expect(refusals.note("a", "GET /", FRONT_LIMITS.refusalMemoryMs + 2)?.holdMs).toBe(0);
  });

  it("are held in a bounded number", () => {
    const refusals = new Refusals(
      { ...FRONT_LIMITS, promptRefusals: 0, heldPerAddress: 2 },
      () => {},
    );
    const first = refusals.note("a", "GET /", 0);
    expect(refusals.note("a", "GET /", 0)).toBeDefined();
    expect(refusals.note("a", "GET /", 0)).toBeUndefined();
    first?.release();
    expect(refusals.note("a", "GET /", 0)).toBeDefined();
  });

  it("are logged in a few lines and a sum", () => {
    const lines: string[] = [];
    const refusals = new Refusals({ ...FRONT_LIMITS, refusalLines: 2 }, (line) => lines.push(line));
    for (const address of ["a", "a", "b", "c", "c", "c"]) refusals.note(address, "GET /x", 0);
    expect(lines).toEqual(["Refused login from a: GET /x", "Refused login from b: GET /x"]);
    vi.advanceTimersByTime(60_000);
    expect(lines.slice(2)).toEqual(["Refused 4 more logins within a minute, of 3 addresses."]);
    refusals.note("a", "GET /x", 0);
    expect(lines.at(-1)).toBe("Refused login from a: GET /x");
    vi.advanceTimersByTime(60_000);
    expect(lines).toHaveLength(4);
  });
});

describe("what a browser takes", () => {
  it.each([
    ["gzip, deflate, br", true],
    ["br;q=1.0, GZIP;q=0.5", true],
    ["gzip;q=0", false],
    ["identity", false],
    [undefined, false],
  ])("Accept-Encoding: %s", (header, takes) => {
    expect(takesGzip(header)).toBe(takes);
  });
});
