import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ProtocolError } from "../../../../protocol/errors.ts";
import { frameBytes } from "../../../../protocol/update/frame-header.ts";
import {
  accumulateFrame,
  decodeFrame,
  encodeFrame,
  validateFrame,
} from "../../../../protocol/update/frame.ts";
import { uniformSource } from "../../../../protocol/random/uniform-source.ts";
import { problem } from "../problem.ts";

const CODECS = ["f32", "f16", "int8"] as const;
const random = () => uniformSource(Uint8Array.of(1, 2, 3), "test");
const float = fc.float({ noNaN: true, noDefaultInfinity: true });
const moderate = fc.float({ noNaN: true, noDefaultInfinity: true, min: -65504, max: 65504 });
const slice = (value: fc.Arbitrary<number>, maxLength = 600) =>
  fc.array(value, { maxLength, size: "max" }).map((values) => Float32Array.from(values));

/** Sets the digest anew, as a forger would. */
function sealed(frame: Uint8Array): Uint8Array {
  const hash = createHash("sha256").update(frame.subarray(0, 32)).update(frame.subarray(64));
  frame.set(hash.digest(), 32);
  return frame;
}

/** Calls with each codec's frame of 300 values. */
const sample = (codec: (typeof CODECS)[number]) => {
  const values = Float32Array.from({ length: 300 }, (_, i) => (i % 17) / 8 - 1);
  return encodeFrame({ codec, sliceIndex: 5, values, random: random() });
};

const encodeF16 = (value: number) =>
  encodeFrame({
    codec: "f16",
    sliceIndex: 2,
    values: Float32Array.of(0, value),
    random: random(),
  });

/** The sample frame with one header byte changed, and sealed. */
function withByte(codec: (typeof CODECS)[number], at: number, byte: number): Uint8Array {
  const frame = sample(codec);
  frame[at] = byte;
  return sealed(frame);
}

describe.each(CODECS)("a frame of %s", (codec) => {
  const number = codec === "f32" ? float : moderate;

  it("[U1] [U2] has the length its codec and count give, and decodes to its slice", () => {
    fc.assert(
      fc.property(slice(number), fc.nat(2 ** 32 - 1), (values, sliceIndex) => {
        const frame = encodeFrame({ codec, sliceIndex, values, random: random() });
        expect(frame).toHaveLength(frameBytes(codec, values.length));
        const expected = { codec, sliceIndex, count: values.length };
        const decoded = decodeFrame(frame, expected);
        expect(decoded.header).toEqual({ ...expected, payloadBytes: frame.length - 64 });
        expect(decoded.values).toHaveLength(values.length);
      }),
      { numRuns: 30 },
    );
  });

  it("[U3] shows every bit flip", () => {
    const values = Float32Array.from({ length: 9 }, (_, i) => i / 4 - 1);
    const frame = encodeFrame({ codec, sliceIndex: 3, values, random: random() });
    for (let bit = 0; bit < frame.length * 8; bit++) {
      const damaged = frame.slice();
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => decodeFrame(damaged), `bit ${bit}`).toThrow(ProtocolError);
    }
  });

  it("[U2] refuses every truncation and every longer frame", () => {
    const values = Float32Array.from({ length: 5 }, (_, i) => i / 4 - 1);
    const frame = encodeFrame({ codec, sliceIndex: 3, values, random: random() });
    for (let length = 0; length < frame.length; length++) {
      expect(() => decodeFrame(frame.subarray(0, length)), `${length}`).toThrow(ProtocolError);
    }
    problem("length-mismatch", () => decodeFrame(Uint8Array.of(...frame, 0)));
  });

  it("[U3] refuses headers that do not fit, however well they are sealed", () => {
    expect(problem("malformed-update", () => decodeFrame(withByte(codec, 0, 0x54)))).toContain(
      "SCUF",
    );
    expect(problem("unsupported-version", () => decodeFrame(withByte(codec, 4, 2)))).toContain(
      "version 2",
    );
    expect(problem("malformed-update", () => decodeFrame(withByte(codec, 5, 9)))).toContain(
      "codec 9",
    );
    expect(problem("malformed-update", () => decodeFrame(withByte(codec, 6, 7)))).toContain("2^7");
    for (const reserved of [7, 20, 31]) {
      expect(
        problem("malformed-update", () => decodeFrame(withByte(codec, reserved, 1))),
      ).toContain("zero");
    }
    expect(problem("malformed-update", () => decodeFrame(withByte(codec, 12, 1)))).toContain(
      "header says",
    );
    expect(problem("malformed-update", () => decodeFrame(withByte(codec, 16, 1)))).toContain(
      "header says",
    );
  });

  it("[U3] refuses another slice, codec or count than expected", () => {
    const frame = sample(codec);
    const expected = { codec, sliceIndex: 5, count: 300 };
    expect(validateFrame(frame, expected).header.count).toBe(300);
    const other = codec === "f32" ? "f16" : "f32";
    problem("malformed-update", () => validateFrame(frame, { ...expected, sliceIndex: 4 }));
    problem("malformed-update", () => validateFrame(frame, { ...expected, codec: other }));
    problem("length-mismatch", () => validateFrame(frame, { ...expected, count: 299 }));
  });

  it("[U3] leaves out only the digest where the caller has checked one", () => {
    const frame = sample(codec);
    frame[40]! ^= 1;
    problem("digest-mismatch", () => validateFrame(frame));
    expect(validateFrame(frame, undefined, { digestVerified: true }).header.sliceIndex).toBe(5);
    expect(() => validateFrame(frame.subarray(1), undefined, { digestVerified: true })).toThrow(
      ProtocolError,
    );
  });

  it("[U4] names the slice and index of a value that is not finite", () => {
    for (const value of [NaN, Infinity, -Infinity]) {
      const values = new Float32Array(400).with(300, value);
      const message = problem("malformed-update", () =>
        encodeFrame({ codec, sliceIndex: 7, values, random: random() }),
      );
      expect(message).toContain(`slice 7: value 300 is ${value}`);
    }
  });

  it("accumulates exactly weight times what it decodes to, wherever the bytes lie", () => {
    const weight = fc.integer({ min: 1, max: 10_000 });
    fc.assert(
      fc.property(slice(number), weight, fc.nat(7), (values, w, shift) => {
        const frame = encodeFrame({ codec, sliceIndex: 0, values, random: random() });
        const shifted = new Uint8Array(frame.length + shift).subarray(shift);
        shifted.set(frame);
        const sum = new Float64Array(values.length).fill(0.5);
        accumulateFrame(validateFrame(shifted), w, sum);
        const expected = Float64Array.from(decodeFrame(frame).values, (value) => 0.5 + w * value);
        expect(sum).toEqual(expected);
      }),
      { numRuns: 30 },
    );
    const frame = validateFrame(sample(codec));
    expect(() => accumulateFrame(frame, 1, new Float64Array(299))).toThrow(RangeError);
  });
});

describe("codecs", () => {
  it("[U5] f32 is lossless", () => {
    fc.assert(
      fc.property(slice(float, 50), (values) => {
        const frame = encodeFrame({ codec: "f32", sliceIndex: 0, values, random: random() });
        expect(decodeFrame(frame).values).toEqual(values);
      }),
    );
  });

  it("[U5] f16 is within half a unit in the last place", () => {
    fc.assert(
      fc.property(slice(moderate, 50), (values) => {
        const frame = encodeFrame({ codec: "f16", sliceIndex: 0, values, random: random() });
        decodeFrame(frame).values.forEach((decoded, i) => {
          const value = values[i]!;
          const bound = Math.max(Math.abs(value) * 2 ** -11, 2 ** -25);
          expect(Math.abs(decoded - value)).toBeLessThanOrEqual(bound);
        });
      }),
    );
  });

  it("[U5] f16 refuses what it cannot hold, and says what can", () => {
    expect(decodeFrame(encodeF16(-65504)).values[1]).toBe(-65504);
    expect(problem("malformed-update", () => encodeF16(65504.01))).toMatch(
      /slice 2: value 1 .* send it as f32/,
    );
  });

  it.each([
    ["f32", [0, 0, 0xc0, 0x7f], "NaN"],
    ["f32", [0, 0, 0x80, 0xff], "-Infinity"],
    ["f16", [0x00, 0x7c], "Infinity"],
    ["f16", [0x01, 0xfc], "NaN"],
  ] as const)("[U4] refuses a sealed %s frame with the value %j", (codec, bytes, value) => {
    const frame = sample(codec);
    frame.set(bytes, 64 + bytes.length * 11);
    expect(problem("malformed-update", () => decodeFrame(sealed(frame)))).toContain(
      `value 11 is ${value}`,
    );
  });
});
