import { describe, expect, it } from "vitest";
import * as fc from "fast-check";
import type { Attack } from "../../../client/attack/attack.ts";
import { AttackError } from "../../../client/attack/attack-error.ts";
import { poison } from "../../../client/attack/poison.ts";
import { triggerOf } from "../../../client/attack/trigger.ts";
import { sha256 } from "../../../protocol/digest.ts";
import type { AttackTarget } from "../../../client/evaluation/attack-target.ts";
import { randomPixels, stamped } from "./image-of.ts";

const shape = { height: 8, width: 8, channels: 3 };
const size = 8 * 8 * 3;
const CLASSES = 5;

function labelled(count: number) {
  return {
    images: { pixels: randomPixels(count * size), count, ...shape },
    labels: Uint8Array.from({ length: count }, (_, index) => index % CLASSES),
  };
}

const badnets: Attack = {
  kind: "badnets",
  size: 2,
  row: 5,
  column: 5,
  colours: [
    [0, 0, 0],
    [255, 255, 255],
  ],
};
const sig: Attack = { kind: "sig", delta: 30, frequency: 2 };
const wanet: Attack = { kind: "wanet", gridSize: 3, strength: 2, crossRatio: 2 };
const allToAll = { kind: "all-to-all", classes: CLASSES } as const;

describe("poisoning", () => {
  it("is refused where the trigger shows in no image, or is cut finer than there are pixels", () => {
    const settings = { target: 0, rate: 0.2, seed: 1 };
    const faint: Attack = { ...sig, delta: 0.1 };
    expect(() => poison(labelled(40), { ...settings, attack: faint })).toThrow("too faint");
    const fine: Attack = {
      kind: "adaptive-blend",
      alpha: 0.2,
      trainingAlpha: 0.15,
      pattern: { kind: "noise" },
      pieces: 81,
      maskedShare: 0.5,
      coverRatio: 1,
    };
    expect(() => poison(labelled(40), { ...settings, attack: fine })).toThrow("fewer --pieces");
  });

  it("stamps the share that was asked for and relabels it, and leaves all else as it was", () => {
    const targets: AttackTarget[] = [0, 3, allToAll];
    fc.assert(
      fc.property(
        fc.integer({ min: 20, max: 60 }),
        fc.double({ min: 0.05, max: 0.7, noNaN: true }),
        fc.constantFrom(...targets),
        fc.nat(99),
        (count, rate, target, seed) => {
          const clean = labelled(count);
          const { images, labels, poisoned } = poison(clean, {
            attack: badnets,
            target,
            rate,
            seed,
          });
          expect(poisoned.length).toBe(Math.round(rate * count));
          expect(new Set(poisoned).size).toBe(poisoned.length);
          const trigger = triggerOf(badnets, seed, shape);
          for (let index = 0; index < count; index++) {
            const before = clean.images.pixels.subarray(index * size, (index + 1) * size);
            const after = images.pixels.subarray(index * size, (index + 1) * size);
            const label = clean.labels[index]!;
            if (poisoned.includes(index)) {
              expect(after).toEqual(stamped(before, trigger));
              expect(labels[index]).toBe(typeof target === "number" ? target : (label + 1) % 5);
              expect(labels[index]).not.toBe(label);
            } else {
              expect(after).toEqual(before);
              expect(labels[index]).toBe(label);
            }
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it("chooses other images for another seed, and the same for the same", () => {
    const clean = labelled(100);
    const of = (seed: number) =>
      poison(clean, { attack: badnets, target: 0, rate: 0.2, seed }).poisoned;
    expect(of(4)).toEqual(of(4));
    expect(of(4)).not.toEqual(of(5));
  });

  it("stamps only the target class with SIG, and leaves every label", () => {
    const clean = labelled(50);
    const { labels, poisoned } = poison(clean, { attack: sig, target: 2, rate: 0.8, seed: 1 });
    expect(poisoned.length).toBe(8);
    for (const index of poisoned) expect(clean.labels[index]).toBe(2);
    expect(labels).toEqual(Uint32Array.from(clean.labels));
    expect(() => poison(clean, { attack: sig, target: allToAll, rate: 0.8, seed: 1 })).toThrow(
      AttackError,
    );
  });

  it("warps cross-ratio times as many other images by noise, labels kept", () => {
    const clean = labelled(60);
    const settings = { attack: wanet, target: 0, rate: 0.1, seed: 2 };
    const { images, labels, poisoned, covers } = poison(clean, settings);
    expect(poisoned.length).toBe(6);
    expect(covers.length).toBe(12);
    const exact = triggerOf(wanet, 2, shape);
    for (const index of covers) {
      expect(poisoned.includes(index)).toBe(false);
      expect(labels[index]).toBe(clean.labels[index]);
      const before = clean.images.pixels.subarray(index * size, (index + 1) * size);
      const after = images.pixels.subarray(index * size, (index + 1) * size);
      expect(after).not.toEqual(before);
      expect(after).not.toEqual(stamped(before, exact));
    }
    expect(poison(clean, settings)).toEqual({ images, labels, poisoned, covers });
    // Records of before must come to the same images.
    expect(sha256(images.pixels)).toBe(
      "92d81470023b37b08dd84d24b43fa6866bf416c246f05b28e09e1abc43977cf3",
    );
  });

  it("does nothing where there is no attack", () => {
    const clean = labelled(10);
    const set = poison(clean, { attack: { kind: "clean" }, target: undefined, rate: 0, seed: 0 });
    expect(set.images).toBe(clean.images);
    expect(Array.from(set.labels)).toEqual(Array.from(clean.labels));
    expect(set.poisoned.length + set.covers.length).toBe(0);
  });

  it.each([
    ["more than there are", { attack: badnets, target: 0, rate: 0.9 }],
    ["none at all", { attack: badnets, target: 0, rate: 0.001 }],
    ["of a class without images", { attack: sig, target: 4, rate: 0.8 }],
    [
      "more noise than there is room for",
      { attack: { ...wanet, crossRatio: 9 }, target: 0, rate: 0.2 },
    ],
  ] as const)("refuses to poison %s", (_what, settings) => {
    const clean = labelled(10);
    clean.labels.forEach((label, index) => {
      if (label === 4) clean.labels[index] = 3;
    });
    expect(() => poison(clean, { ...settings, seed: 0 })).toThrow(AttackError);
  });
});
