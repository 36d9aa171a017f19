import { describe, expect, it } from "vitest";
import { sinusoidTrigger } from "../../../client/attack/sig.ts";
import { stamped } from "./image-of.ts";

describe("the SIG trigger", () => {
  it("adds the same wave to every row and channel, within 0 to 255", () => {
    const shape = { height: 2, width: 8, channels: 3 };
    const trigger = sinusoidTrigger({ delta: 20, frequency: 2 }, shape);
    const wave = [0, 20, 0, -20, 0, 20, 0, -20];
    for (const grey of [100, 250, 5]) {
      const image = new Uint8Array(2 * 8 * 3).fill(grey);
      const row = wave.flatMap((value) => {
        const sum = Math.min(255, Math.max(0, grey + value));
        return [sum, sum, sum];
      });
      expect(Array.from(stamped(image, trigger))).toEqual([...row, ...row]);
    }
  });

  it("has the published values for δ = 20, f = 6 and 32 columns", () => {
    const trigger = sinusoidTrigger(
      { delta: 20, frequency: 6 },
      { height: 1, width: 32, channels: 3 },
    );
    const out = stamped(new Uint8Array(96).fill(128), trigger);
    // 20·sin(2π·6·j/32) = 20·sin(67.5°·j): 0, 18.48, 14.14, −7.65, −20, −7.65, 14.14, 18.48, 0, …
    const first = [0, 18, 14, -8, -20, -8, 14, 18, 0, -18, -14, 8, 20, 8, -14, -18, 0];
    expect(first.map((_, column) => out[3 * column]! - 128)).toEqual(first);
  });
});
