import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  evidenceGap,
  heldOutCount,
  imagesToBegin,
  imagesToScore,
  measuringGap,
  participantGap,
  type EvidenceSoFar,
} from "../../../../protocol/round/evidence.ts";
import { configOf } from "./config-of.ts";

const { judging } = configOf();
/** Twelve training rounds, 0 to 11, then the judging round. */
const config = configOf();
const rounds = (participants: number, count = 13) =>
  Array.from({ length: count }, (_, round) => ({ round, participants }));
const gap = (changes: Partial<EvidenceSoFar> = {}): string | undefined =>
  evidenceGap({ config, state: "finished", course: {}, places: 8, scored: rounds(4), ...changes });

describe("[J1] one participant's images", () => {
  it("the fewest that score are told, whatever the share", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), (thousandths) => {
        const share = { heldOut: thousandths / 1000, images: 64 };
        const needed = imagesToScore(share);
        expect(heldOutCount(needed, share)).toBeGreaterThanOrEqual(4);
        expect(heldOutCount(needed - 1, share)).toBe(0);
      }),
    );
    expect(imagesToScore(judging)).toBe(40);
    expect(imagesToScore({ heldOut: Number.MIN_VALUE, images: 64 })).toBe(Infinity);
  });

  it("who has too few is told what for, and how many would do", () => {
    expect(participantGap(39, judging)).toBe(
      "with 39 images you train, but score nothing: 40 would do",
    );
    expect(participantGap(1, judging)).toMatch(/^with 1 image you/);
    expect(participantGap(40, judging)).toBeUndefined();
  });
});

describe("[B3] a campaign that begins with statistics", () => {
  const standing = configOf({ network: { standInNorms: true } });
  const measured = configOf({ reinit: { strategy: { kind: "bn-divergence" } } });

  it("tells a participant with too few images at once, and how many would do", () => {
    for (const begins of [standing, measured]) {
      expect(imagesToBegin(begins, null)).toBe(32);
      expect(measuringGap(31, begins, null)).toBe(
        "the campaign begins with statistics of participants' images, and with 31 images you measure none: 32 would do; you wait until others have",
      );
      expect(measuringGap(32, begins, null)).toBeUndefined();
      expect(measuringGap(1, begins, "ab".repeat(32))).toBeUndefined();
    }
    expect(measuringGap(1, config, null)).toBeUndefined();
    // A share of 32 is held out: so many more are needed.
    const held = { ...standing, judging: { ...judging, heldOut: 0.5 } };
    expect(imagesToBegin(held, null)).toBe(63);
    expect(63 - heldOutCount(63, held.judging)).toBe(32);
  });

  it("says how many measured, who could not, and what to do", () => {
    const running = { state: "running", scored: [], config: standing } as const;
    expect(gap({ ...running, measuring: { measured: 1, declined: 0 } })).toBe(
      "it waits for statistics of participants' images, with which it begins: 1 of 4 participants measured so far",
    );
    expect(gap({ ...running, measuring: { measured: 0, declined: 3 } })).toMatch(
      /0 of 4 participants measured so far, and 3 participants have too few: 32 images or more each are needed\. .*\(--no-norms\)/,
    );
    const other = { ...running, config: measured, measuring: { measured: 0, declined: 1 } };
    expect(gap(other)).toMatch(/1 participant has too few.*another strategy/);
    expect(gap(running)).toBeUndefined();
  });
});

describe("[J10] before a campaign starts", () => {
  it("places that can never give enough scorers are told", () => {
    const ready = { state: "ready", scored: [] } as const;
    expect(gap({ ...ready, places: 2 })).toBe(
      "invites have places for 2 participants in a round, and nothing is judged by fewer than 3",
    );
    expect(gap({ ...ready, places: null })).toBeUndefined();
    expect(gap({ ...ready, places: 3 })).toBeUndefined();
  });

  it("so are rounds too few for the alarm, and a goal that leaves all to one or two", () => {
    const ready = { state: "ready", scored: [] } as const;
    expect(gap({ ...ready, config: configOf({ distillation: { rounds: 3 } }) })).toContain(
      "3 rounds of training are too few for the regrowth alarm, which takes 4",
    );
    expect(gap({ ...ready, config: configOf({ distillation: { rounds: 4 } }) })).toBeUndefined();
    expect(gap({ ...ready, config: configOf({ round: { goal: 2 } }) })).toContain(
      "what two participants say is all",
    );
    expect(gap({ ...ready, config: configOf({ round: { goal: 1 } }) })).toContain(
      "what one participant says is all",
    );
  });
});

describe("[J10] while it goes on", () => {
  it("says that there is no evidence so far, of whom, and what would do", () => {
    const running = { state: "running" as const };
    expect(gap({ ...running, scored: rounds(2, 4) })).toBe(
      "no evidence so far: 2 participants score, 3 are needed, each with 40 images or more and the backend webgpu or wasm",
    );
    expect(gap({ ...running, scored: rounds(0, 1) })).toContain("nobody scores");
    expect(gap({ ...running, scored: [] })).toBeUndefined();
    expect(gap({ ...running, scored: [...rounds(3, 2), { round: 2, participants: 1 }] })).toBe(
      undefined,
    );
  });
});

describe("[J10] of what came of it", () => {
  it("says nothing where enough have scored it, and what judged nothing", () => {
    expect(gap()).toBeUndefined();
    expect(gap({ scored: rounds(2) })).toBe(
      "nothing judged this result: at most 2 participants scored a round, 3 are needed, each with 40 images or more and the backend webgpu or wasm",
    );
    expect(gap({ scored: rounds(0) })).toContain("nobody scored a round");
  });

  it("tells a last student that was not judged, and an alarm that could not have been raised", () => {
    const last = { round: 12, participants: 1 };
    expect(gap({ scored: [...rounds(4, 12), last] })).toContain(
      "the last student was not judged: 1 participant scored it, 3 are needed",
    );
    // Only the judging round and student₀ had enough.
    const few = rounds(2).map(({ round }) => ({ round, participants: round % 12 === 0 ? 4 : 2 }));
    expect(gap({ scored: few })).toBe(
      "the regrowth alarm had 0 rounds to look at and takes 3: it could not have been raised",
    );
  });

  it("an aborted campaign has its students, and what judged them", () => {
    expect(gap({ state: "aborted", scored: rounds(4, 6) })).toBeUndefined();
    expect(gap({ state: "aborted", scored: rounds(1, 6) })).toContain("nothing judged");
  });

  it("a campaign from before there were scores is told apart", () => {
    expect(gap({ course: { unjudged: true } })).toContain("before students were scored");
  });
});
