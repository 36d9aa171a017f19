import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeFrame, encodeFrame } from "../../../../protocol/update/frame.ts";
import { uniformSource, type UniformSource } from "../../../../protocol/random/uniform-source.ts";
import { problem } from "../problem.ts";

const encode = (values: Float32Array, random: UniformSource) =>
  encodeFrame({ codec: "int8", sliceIndex: 4, values, random });

const roundTrip = (values: Float32Array, random: UniformSource) =>
  decodeFrame(encode(values, random)).values;

/** An int8 frame of one block with this scale and these levels, sealed as a forger would. */
function forged(scale: number, levels: readonly number[]): Uint8Array {
  const frame = encode(new Float32Array(levels.length), () => 0);
  new DataView(frame.buffer).setFloat32(64, scale, true);
  frame.set(Int8Array.from(levels), 68);
  const hash = createHash("sha256").update(frame.subarray(0, 32)).update(frame.subarray(64));
  frame.set(hash.digest(), 32);
  return frame;
}

const float = fc.oneof(
  fc.float({ noNaN: true, min: Math.fround(-1e30), max: Math.fround(1e30) }),
  fc.float({ noNaN: true, min: -1, max: 1 }),
  fc.constantFrom(0, -0, 1e-45, -1e-45, 1e-38),
);

const never = () => expect.fail("drew a number");

const draw = (seed: number, stream: string) => {
  const random = uniformSource(Uint8Array.of(seed), stream);
  return Array.from({ length: 9 }, random);
};

describe("int8", () => {
  it("[U6] stays within one scale of each value, in blocks of 256", () => {
    const slice = fc
      .array(float, { maxLength: 600, size: "max" })
      .map((values) => Float32Array.from(values));
    fc.assert(
      fc.property(slice, fc.nat(), (values, key) => {
        const decoded = roundTrip(values, uniformSource(Uint8Array.of(key), "s"));
        for (let from = 0; from < values.length; from += 256) {
          const block = values.subarray(from, from + 256);
          const largest = Math.max(...block.map(Math.abs));
          // The scale is max|x|/127, rounded up to float32.
          const scale = Math.max((largest / 127) * (1 + 2 ** -22), 2 ** -149);
          block.forEach((value, i) => {
            expect(Math.abs(decoded[from + i]! - value)).toBeLessThanOrEqual(scale);
          });
        }
      }),
      { numRuns: 50 },
    );
  });

  it("[U6] is exactly unbiased: over all u of a fine grid the mean is the value itself", () => {
    const steps = 64;
    // max|x| = 127 makes the scale 1; the others lie on every 64th between −4 and 4.
    const values = Float32Array.from({ length: 256 }, (_, i) => (i === 0 ? 127 : (i - 255) / 64));
    values.set(
      Float32Array.from({ length: 100 }, (_, i) => i / 64),
      100,
    );
    const sum = new Float64Array(values.length);
    for (let k = 0; k < steps; k++) {
      roundTrip(values, () => (k + 0.5) / steps).forEach((value, i) => (sum[i]! += value));
    }
    expect(sum.map((value) => value / steps)).toEqual(Float64Array.from(values));
  });

  it("[U6] is unbiased with the seeded source", () => {
    const values = Float32Array.from({ length: 300 }, (_, i) => Math.fround((i * 0.37) % 2) - 1);
    const runs = 400;
    const random = uniformSource(Uint8Array.of(9), "bias");
    const errors = Array.from({ length: runs }, () =>
      roundTrip(values, random).reduce((sum, value, i) => sum + value - values[i]!, 0),
    );
    // Each error is a sum of 300 roundings of variance at most scale²/4.
    const deviation = (1 / 127 / 2) * Math.sqrt(300);
    const mean = errors.reduce((sum, error) => sum + error, 0) / runs;
    expect(Math.abs(mean)).toBeLessThan((4 * deviation) / Math.sqrt(runs));
    expect(Math.max(...errors)).toBeGreaterThan(0);
    expect(Math.min(...errors)).toBeLessThan(0);
  });

  it("[U6] writes scales first, then levels from −127 to 127, for the extremes of u too", () => {
    const nearOne = 1 - 2 ** -33;
    for (const u of [0, nearOne]) {
      for (const largest of [1, 0.1, 1e-45, 3e38, 12345.678]) {
        const values = Float32Array.of(largest, -largest, 0);
        const frame = encode(values, () => u);
        const [first, second, third] = new Int8Array(frame.buffer, 68, 3) as unknown as [
          number,
          number,
          number,
        ];
        // The scale is rounded up, so the largest value lies at or just under level 127; the
        // smallest float32 there is lies at level 1 of itself.
        const top = largest === 1e-45 ? 1 : 127;
        expect([top - 1, top]).toContain(first);
        expect([1 - top, -top]).toContain(second);
        expect(third).toBe(0);
        if (u === nearOne) expect(first).toBe(top);
        else expect(second).toBe(-top);
      }
    }
  });

  it("[U6] writes a block of zeros with the scale 0, and draws nothing for it", () => {
    const frame = encode(new Float32Array(10).fill(-0), never);
    expect(frame.subarray(64)).toEqual(new Uint8Array(14));
    expect(decodeFrame(frame).values).toEqual(new Float32Array(10));
  });

  it("[U4] [U6] refuses sealed frames that no encoder writes", () => {
    const refused = (scale: number, levels: readonly number[]) =>
      problem("malformed-update", () => decodeFrame(forged(scale, levels)));
    expect(decodeFrame(forged(0.5, [-127, 127, 3])).values).toEqual(
      Float32Array.of(-63.5, 63.5, 1.5),
    );
    expect(refused(0.5, [0, -128])).toMatch(/slice 4: value 1 .*−128/);
    expect(refused(NaN, [1])).toContain("scale NaN");
    expect(refused(Infinity, [1])).toContain("scale Infinity");
    expect(refused(-1, [1])).toContain("scale -1");
    expect(refused(-0, [0])).toContain("scale");
    expect(refused(3e38, [1])).toContain("scale 3");
    expect(refused(0, [0, 1])).toContain("level 1 of the scale 0");
  });

  it("[U6] refuses values whose 127 levels would leave float32", () => {
    const largest = 3.4028234663852886e38;
    const message = problem("malformed-update", () =>
      encode(Float32Array.of(0, largest), () => 0.5),
    );
    expect(message).toMatch(/value 1 .*send it as f32/);
  });
});

describe("uniformSource", () => {
  it("repeats itself for one seed and stream, and for no other", () => {
    expect(draw(1, "a")).toEqual(draw(1, "a"));
    expect(draw(1, "a")).not.toEqual(draw(2, "a"));
    expect(draw(1, "a")).not.toEqual(draw(1, "b"));
    expect(new Set(draw(1, "a")).size).toBe(9);
  });

  it("is uniform on (0, 1)", () => {
    const random = uniformSource(Uint8Array.of(3), "uniform");
    const counts = Array.from({ length: 16 }, () => 0);
    const draws = 32_000;
    for (let i = 0; i < draws; i++) counts[Math.floor(random() * 16)]!++;
    // χ² with 15 degrees of freedom exceeds 37.7 once in a thousand.
    const chi = counts.reduce((sum, count) => sum + (count - draws / 16) ** 2 / (draws / 16), 0);
    expect(counts).toHaveLength(16);
    expect(chi).toBeLessThan(37.7);
  });
});
