import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { campaignMisfit, misfitOf, type Fit } from "../../../../protocol/round/fit.ts";
import { configOf } from "./config-of.ts";

const settings = configOf().fit!;
const CLASSES = 10;
const GOOD: Fit = {
  images: 256,
  confidence: 0.9,
  entropy: 0.3,
  distance: 0.02,
  otherwise: null,
  reading: null,
};
const OTHER_KIND: Fit = { ...GOOD, distance: 0.5, otherwise: { as: "none", distance: 0.4 } };
const MISREAD: Fit = {
  ...GOOD,
  confidence: 0.58,
  distance: 0.9,
  otherwise: { as: "none", distance: 0.2 },
  reading: { says: { stemPool: "max" }, distance: 0.01, confidence: 0.97, entropy: 0.1 },
};
const UNPREPARED: Fit = { ...GOOD, distance: 0.13, otherwise: { as: "imagenet", distance: 0.006 } };

interface More {
  goal?: number;
  fewest?: number;
  isLast?: boolean;
  /** What each counts for. */
  weight?: number;
}

const campaign = (told: Fit[], { weight = 1, ...more }: More = {}) => {
  const fits = told.map((fit) => ({ fit, weight }));
  const evidence = { fits, settings, classes: CLASSES, fewest: 3, goal: 4, isLast: false };
  return campaignMisfit({ ...evidence, ...more });
};

describe("[F2] one participant's pictures", () => {
  it("fit when they are near, and also when they are other photographs", () => {
    for (const distance of [0, 0.031, 0.098, 0.147]) {
      const otherwise = distance > 0.05 ? { as: "none" as const, distance: 0.3 } : null;
      expect(misfitOf({ ...GOOD, distance, otherwise }, settings, CLASSES)).toBeUndefined();
    }
  });

  it("do not fit when they are far, and the cause is told", () => {
    expect(misfitOf(OTHER_KIND, settings, CLASSES)).toMatchObject({
      cause: "pictures",
      detail: expect.stringContaining("pictures of another kind"),
    });
    expect(misfitOf(UNPREPARED, settings, CLASSES)).toMatchObject({
      cause: "normalisation",
      detail: expect.stringContaining("mean and std are likely not the model's"),
    });
  });

  it("do not fit when the model is read as another network; which one is told, and how sure it then is", () => {
    const misfit = misfitOf(MISREAD, settings, CLASSES)!;
    expect(misfit.cause).toBe("network");
    expect(misfit.detail).toMatch(
      /0\.9 away.*only 0\.01 when it is read with --stem-pool max.*97 %, against 58 %/,
    );
    // What is nearer is likelier.
    const both: Fit = { ...MISREAD, otherwise: { as: "imagenet", distance: 0.001 } };
    expect(misfitOf(both, settings, CLASSES)).toMatchObject({ cause: "normalisation" });
    const alike: Fit = {
      ...MISREAD,
      otherwise: null,
      reading: { ...MISREAD.reading!, distance: 0.4 },
    };
    expect(misfitOf(alike, settings, CLASSES)).toMatchObject({ cause: "pictures" });
    const unsure: Fit = {
      ...MISREAD,
      otherwise: null,
      reading: { ...MISREAD.reading!, entropy: 1 },
    };
    expect(misfitOf(unsure, settings, CLASSES)).toMatchObject({ cause: "pictures" });
  });

  it("are judged by answers where there is no distance, and by nothing else then", () => {
    const blind = { ...GOOD, distance: null };
    expect(misfitOf(blind, settings, CLASSES)).toBeUndefined();
    const lost = { ...blind, entropy: 0.8 * Math.log(CLASSES) };
    expect(misfitOf(lost, settings, CLASSES)).toMatchObject({ cause: "pictures" });
    // A teacher that is never sure of anything is no reason where the pictures are near.
    expect(misfitOf({ ...lost, distance: 0.02 }, settings, CLASSES)).toBeUndefined();
  });
});

describe("[F3] a campaign's participants", () => {
  it("stop it when most of their pictures do not fit; the likely cause and what to do are named", () => {
    const reason = campaign([UNPREPARED, UNPREPARED, GOOD, UNPREPARED])!;
    expect(reason).toContain("3 of 4 participants");
    expect(reason).toContain("--mean and --std");
    expect(reason).toContain("resume to go on");
    expect(campaign([MISREAD, MISREAD, GOOD, MISREAD])).toMatch(/--stem-pool max.*anew, saying so/);
    expect(campaign([OTHER_KIND, OTHER_KIND, OTHER_KIND, GOOD])).toContain("what pictures");
  });

  it("do not when half of them or fewer are told so", () => {
    expect(campaign([GOOD, GOOD, OTHER_KIND, OTHER_KIND])).toBeUndefined();
    expect(campaign([GOOD, GOOD, GOOD, GOOD])).toBeUndefined();
    expect(campaign([])).toBeUndefined();
  });

  it("are not judged before enough have told, and early only if all say the same", () => {
    expect(campaign([OTHER_KIND, OTHER_KIND])).toBeUndefined();
    expect(campaign([OTHER_KIND, OTHER_KIND, OTHER_KIND])).toBeDefined();
    expect(campaign([OTHER_KIND, OTHER_KIND, GOOD])).toBeUndefined();
    expect(campaign([OTHER_KIND, OTHER_KIND, GOOD], { isLast: true })).toBeDefined();
    expect(campaign([OTHER_KIND, OTHER_KIND], { isLast: true })).toBeUndefined();
  });

  it("with a goal of one or two it takes all of them", () => {
    expect(campaign([OTHER_KIND], { goal: 1, fewest: 1 })).toBeDefined();
    expect(campaign([OTHER_KIND, GOOD], { goal: 2, fewest: 2, isLast: true })).toBeUndefined();
    expect(campaign([OTHER_KIND, OTHER_KIND], { goal: 2, fewest: 2 })).toBeDefined();
  });

  it("those who came by one invite count together as its places, however many they are", () => {
    const seven = Array.from({ length: 7 }, () => OTHER_KIND);
    expect(campaign(seven, { weight: 1 / 7, fewest: 1, goal: 1 })).toBeDefined();
    expect(campaign(seven, { weight: 1 / 7, fewest: 2, goal: 2, isLast: true })).toBeUndefined();
  });

  it("one who lies moves nothing either way among three or more who agree", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 20 }),
        fc.boolean(),
        fc.nat(),
        fc.integer({ min: 1, max: 20 }),
        (honest, isLast, at, goal) => {
          for (const [others, lie] of [
            [GOOD, OTHER_KIND],
            [OTHER_KIND, GOOD],
          ] as const) {
            const fits = Array.from({ length: honest }, () => others);
            fits.splice(at % (honest + 1), 0, lie);
            const stops =
              campaign(fits, { goal: Math.min(goal, fits.length), isLast }) !== undefined;
            expect(stops).toBe(others === OTHER_KIND);
          }
        },
      ),
    );
  });
});
