import { afterEach, describe, expect, it, vi } from "vitest";
import { placesWarning } from "../../../../client/cli/commands/campaign/places-warning.ts";
import type { Invite } from "../../../../protocol/round/access.ts";
import { campaignConfigSchema } from "../../../../protocol/round/campaign-config.ts";
import { runRecorded } from "../recording-terminal.ts";

const CAMPAIGN = `c-${"a".repeat(20)}`;

const invite = (changes: Partial<Invite> = {}): Invite => ({
  id: `i-${"a".repeat(20)}`,
  url: `http://127.0.0.1:8787/join/${CAMPAIGN}#token`,
  uses: 1,
  used: 0,
  places: 1,
  expiresAt: 2_000_000_000_000,
  revoked: false,
  organisation: null,
  ...changes,
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
});

/** Runs `invite` against a coordinator that grants what it is asked for. */
async function made(...options: string[]) {
  const asked: unknown[] = [];
  vi.stubEnv("SCOUR_ADMIN_TOKEN", "token");
  vi.stubGlobal("fetch", (_: unknown, init?: RequestInit) => {
    const request = JSON.parse(String(init?.body)) as Partial<Invite>;
    asked.push(request);
    const url = `http://127.0.0.1:8787/join/${CAMPAIGN}#token-${asked.length}`;
    return Promise.resolve(Response.json(invite({ url, ...request }), { status: 201 }));
  });
  const { code, results } = await runRecorded("invite", CAMPAIGN, ...options);
  expect(code).toBe(0);
  return { asked, text: results[0]!.text, value: results[0]!.value };
}

describe("`invite`", () => {
  it("[A1] --count makes a link for each volunteer", async () => {
    const { asked, text, value } = await made("--count", "4");
    expect(asked).toEqual([{}, {}, {}, {}]);
    expect(value).toHaveLength(4);
    expect(text.split("\n").slice(0, 4)).toEqual(
      [1, 2, 3, 4].map((i) => `http://127.0.0.1:8787/join/${CAMPAIGN}#token-${i}`),
    );
    expect(text).toContain("4 links, each for one participant");
    expect(text).not.toContain("count as");
  });

  it("[R2.1] says what more uses than places mean", async () => {
    const { asked, text } = await made("--uses", "4");
    expect(asked).toEqual([{ uses: 4 }]);
    expect(text).toContain("They count as one: at most 1 of the 4 have a place in a round");
  });

  it("[R2.1] --places says how many they count as", async () => {
    const { asked, text } = await made("--uses", "4", "--places", "4");
    expect(asked).toEqual([{ uses: 4, places: 4 }]);
    expect(text).not.toContain("count as");
  });
});

describe("the warning of a start with too few places", () => {
  const policy = campaignConfigSchema.parse({
    model: "ab".repeat(32),
    preprocessing: { mean: [0, 0, 0], std: [1, 1, 1] },
    round: { goal: 4, deadlineSeconds: 60 },
  }).round;
  const now = 1_900_000_000_000;

  it("is none where they suffice", () => {
    expect(placesWarning(policy, [invite({ uses: 4, places: 4 })], now)).toBeUndefined();
    expect(placesWarning(policy, Array(4).fill(invite()) as Invite[], now)).toBeUndefined();
  });

  it("[R1] tells rounds that wait for their deadline from rounds that never succeed", () => {
    const waits = placesWarning(policy, [invite({ uses: 9, places: 3 })], now);
    expect(waits).toContain(
      "have 3 places in all, and a round takes 4 updates (--goal): each will",
    );
    const fails = placesWarning(policy, [invite({ uses: 9 })], now);
    expect(fails).toContain("have 1 place in all, and a round takes at least 2 updates");
    expect(fails).toContain("--count 3");
  });

  it("counts what those who joined, and those who still may, can fill", () => {
    const closed = invite({ uses: 9, places: 9, used: 2, revoked: true });
    const expired = invite({ uses: 9, places: 9, expiresAt: now - 1 });
    expect(placesWarning(policy, [closed, expired], now)).toContain("have 2 places");
  });
});
