import { describe, expect, it } from "vitest";
import type { Attack } from "../../../client/attack/attack.ts";
import { cosineWave } from "../../../client/attack/cosine-basis.ts";
import { poison } from "../../../client/attack/poison.ts";
import { triggerOf } from "../../../client/attack/trigger.ts";
import { randomPixels, stamped } from "./image-of.ts";

const shape = { height: 40, width: 48, channels: 3 };
const grey = new Uint8Array(40 * 48 * 3).fill(128);
const coverAttacks: Attack[] = [
  { kind: "bpp", levels: 4, coverRatio: 2 },
  {
    kind: "adaptive-blend",
    alpha: 1,
    trainingAlpha: 0.5,
    pattern: { kind: "noise" },
    pieces: 16,
    maskedShare: 0.5,
    coverRatio: 2,
  },
];

describe("triggers of frequencies, colours and pieces", () => {
  it("ftrojan changes two coefficients of the chroma of whole blocks, and no luma", () => {
    const attack: Attack = { kind: "ftrojan", block: 32, magnitude: 300 };
    const out = stamped(grey, triggerOf(attack, 1, shape));
    const red = (y: number, x: number) => (out[(y * 48 + x) * 3]! - 128) / 1.402;
    for (const [v, u, expected] of [
      [15, 15, 300],
      [31, 31, 300],
      [15, 31, 0],
      [3, 4, 0],
      [0, 0, 0],
    ] as const) {
      const [down, right] = [cosineWave(v, 32), cosineWave(u, 32)];
      let sum = 0;
      for (let y = 0; y < 32; y++)
        for (let x = 0; x < 32; x++) sum += red(y, x) * down[y]! * right[x]!;
      expect(Math.abs(sum - expected)).toBeLessThan(2);
    }
    for (let at = 0; at < out.length; at += 3) {
      const luma = 0.299 * out[at]! + 0.587 * out[at + 1]! + 0.114 * out[at + 2]!;
      expect(Math.abs(luma - 128)).toBeLessThan(0.6);
    }
    expect(out.subarray(32 * 48 * 3)).toEqual(grey.subarray(32 * 48 * 3));
    expect(() => triggerOf(attack, 1, { height: 16, width: 48, channels: 3 })).toThrow(/--block/);
  });

  it("bpp leaves so many values a channel, and the mean as it was", () => {
    const image = randomPixels(grey.length);
    const trigger = triggerOf(coverAttacks[0]!, 1, shape);
    expect([...new Set(stamped(image, trigger))].sort((a, b) => a - b)).toEqual([0, 85, 170, 255]);
    const dithered = stamped(new Uint8Array(grey.length).fill(100), trigger);
    const mean = dithered.reduce((sum, value) => sum + value, 0) / dithered.length;
    expect(Math.abs(mean - 100)).toBeLessThan(2);
  });

  it("low-frequency adds a smooth image of the seed, from 0 to its range", () => {
    const attack: Attack = { kind: "low-frequency", sigma: 0.1875, range: 0.2 };
    const out = stamped(grey, triggerOf(attack, 3, shape));
    expect(stamped(grey, triggerOf(attack, 3, shape))).toEqual(out);
    expect(stamped(grey, triggerOf(attack, 4, shape))).not.toEqual(out);
    expect([Math.min(...out), Math.max(...out)]).toEqual([128, 128 + 51]);
    for (let at = 3; at < out.length; at++) {
      if (at % (48 * 3) < 3) continue;
      expect(Math.abs(out[at]! - out[at - 3]!)).toBeLessThan(8);
    }
  });

  it.each(coverAttacks)("$kind has covers that keep their label", (attack) => {
    const size = grey.length;
    const images = { pixels: randomPixels(20 * size), count: 20, ...shape };
    const labels = Uint8Array.from({ length: 20 }, (_, index) => index % 5);
    const settings = { attack, target: 0, rate: 0.2, seed: 2 };
    const set = poison({ images, labels }, settings);
    expect(poison({ images, labels }, settings)).toEqual(set);
    expect([set.poisoned.length, set.covers.length]).toEqual([4, 8]);
    const changed = (index: number) => {
      let count = 0;
      for (let at = index * size; at < (index + 1) * size; at++)
        if (set.images.pixels[at] !== images.pixels[at]) count++;
      return count / size;
    };
    for (const index of set.covers) {
      expect(set.labels[index]).toBe(labels[index]);
      expect(changed(index)).toBeGreaterThan(0.4);
    }
    if (attack.kind !== "adaptive-blend") return;
    // Half of the pieces, in poisoned images and covers alike.
    for (const index of [...set.covers, ...set.poisoned]) expect(changed(index)).toBeLessThan(0.51);
  });
});
