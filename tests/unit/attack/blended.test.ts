import { describe, expect, it } from "vitest";
import * as fc from "fast-check";
import { blendTrigger } from "../../../client/attack/blended.ts";
import { triggerOf } from "../../../client/attack/trigger.ts";
import { AttackError } from "../../../client/attack/attack-error.ts";
import { randomPixels, stamped } from "./image-of.ts";

describe("the Blended trigger", () => {
  it("is the weighted mean, to the nearest byte, halves up", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 64 }),
        fc.uint8Array({ minLength: 6, maxLength: 6 }),
        fc.uint8Array({ minLength: 6, maxLength: 6 }),
        (parts, image, pattern) => {
          // α = parts/64 is exact, so whole numbers tell the rounding.
          const expected = Array.from(image, (value, i) =>
            Number(BigInt((64 - parts) * value + parts * pattern[i]! + 32) / 64n),
          );
          const trigger = blendTrigger(pattern, parts / 64);
          expect(Array.from(stamped(image, trigger))).toEqual(expected);
        },
      ),
    );
  });

  it("blends noise that only the seed and the shape decide", () => {
    const shape = { height: 20, width: 30, channels: 3 };
    const attack = { kind: "blended", alpha: 1, pattern: { kind: "noise" } } as const;
    const black = new Uint8Array(20 * 30 * 3);
    const pattern = stamped(black, triggerOf(attack, 5, shape));
    expect(stamped(randomPixels(black.length), triggerOf(attack, 5, shape))).toEqual(pattern);
    expect(stamped(black, triggerOf(attack, 6, shape))).not.toEqual(pattern);
    const mean = pattern.reduce((sum, value) => sum + value, 0) / pattern.length;
    // Uniform over 0 to 255: mean 127.5, its deviation over 1,800 values 1.74.
    expect(Math.abs(mean - 127.5)).toBeLessThan(7);
    expect(new Set(pattern).size).toBeGreaterThan(200);
  });

  it("blends a given picture, and refuses one of another size", () => {
    const pixels = Buffer.from([10, 20, 30]).toString("base64");
    const attack = { kind: "blended", alpha: 0.5, pattern: { kind: "picture", pixels } } as const;
    const trigger = triggerOf(attack, 0, { height: 1, width: 1, channels: 3 });
    expect(Array.from(stamped(Uint8Array.of(0, 0, 255), trigger))).toEqual([5, 10, 143]);
    expect(() => triggerOf(attack, 0, { height: 2, width: 1, channels: 3 })).toThrow(AttackError);
  });
});
