import { describe, expect, it } from "vitest";
import { fingerprint, isVouchedFor } from "../../../../protocol/privacy/identities/organisation.ts";
import {
  privateRoundSchema,
  roundDigest,
  studentDigest,
} from "../../../../protocol/privacy/private-round.ts";
import { CAMPAIGN, makePeople, roundOf } from "./people.ts";

describe("identities that a coordinator cannot make up", () => {
  it("[M4.1] are compared by 128 bits of their keys' SHA-256", () => {
    // SHA-256 of 32 zeros is 66687aad f862bd77 6c8fc18b 8e9f8e20 …
    expect(fingerprint("00".repeat(32))).toBe("6668 7aad f862 bd77 6c8f c18b 8e9f 8e20");
  });

  it("[M4.2] are vouched for by a pinned organisation, in one campaign", async () => {
    const [one, two] = await makePeople(2);
    const pinned = [one!.organisation];
    expect(await isVouchedFor(one!, CAMPAIGN, pinned)).toBe(true);
    expect(await isVouchedFor(one!, `c-${"b".repeat(20)}`, pinned)).toBe(false);
    expect(await isVouchedFor(two!, CAMPAIGN, pinned)).toBe(false);
    expect(await isVouchedFor({ ...two!, organisation: pinned[0]! }, CAMPAIGN, pinned)).toBe(false);
    const notOfTheCurve = "ff".repeat(32);
    const made = { ...one!, organisation: notOfTheCurve };
    expect(await isVouchedFor(made, CAMPAIGN, [notOfTheCurve])).toBe(false);
  });
});

describe("what all of a sum must have seen alike", () => {
  it("[M5.2] has another digest with any part of it changed", async () => {
    const round = roundOf(await makePeople(2));
    const changes = [
      {},
      { campaign: `c-${"b".repeat(20)}` },
      { round: 5 },
      { group: 1 },
      { student: studentDigest([round.student]) },
      { teacher: round.student },
      { config: round.student },
      { organisations: round.organisations.slice(1) },
      { minimum: 4 },
      { helper: round.student },
    ];
    const digests = changes.map((change) => roundDigest({ ...round, ...change }));
    expect(new Set(digests).size).toBe(changes.length);
  });

  it("[M5.1] is of three at least", async () => {
    const round = roundOf(await makePeople(2));
    expect(privateRoundSchema.safeParse(round).success).toBe(true);
    expect(privateRoundSchema.safeParse({ ...round, minimum: 2 }).success).toBe(false);
  });
});
