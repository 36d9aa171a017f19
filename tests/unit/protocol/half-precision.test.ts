import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bfloat16ToNumber,
  float16ToNumber,
  numberToBfloat16,
  numberToFloat16,
} from "../../../protocol/half-precision.ts";

const FLOAT = new Float32Array(1);
const BITS = new Uint32Array(FLOAT.buffer);

/** The float32 next to a positive `value`, `steps` representable numbers away. */
function neighbour(value: number, steps: number): number {
  FLOAT[0] = value;
  BITS[0]! += steps;
  return FLOAT[0];
}

describe("binary16", () => {
  it("[W3] reads every one of the 65,536 patterns as IEEE 754 defines it", () => {
    for (let half = 0; half < 65536; half++) {
      const sign = half >= 0x8000 ? -1 : 1;
      const exponent = Math.floor(half / 1024) % 32;
      const fraction = (half % 1024) / 1024;
      const expected =
        exponent === 31
          ? fraction === 0
            ? sign * Infinity
            : NaN
          : exponent === 0
            ? sign * fraction * 2 ** -14
            : sign * (1 + fraction) * 2 ** (exponent - 15);
      if (!Object.is(float16ToNumber(half), expected)) {
        expect.fail(`0x${half.toString(16)}: ${float16ToNumber(half)} instead of ${expected}`);
      }
    }
  });

  it("[W4] writes every pattern back", () => {
    for (let half = 0; half < 65536; half++) {
      const value = float16ToNumber(half);
      const back = numberToFloat16(value);
      const same = Number.isNaN(value) ? Number.isNaN(float16ToNumber(back)) : back === half;
      if (!same) expect.fail(`0x${half.toString(16)} came back as 0x${back.toString(16)}`);
    }
  });

  it("[W4] rounds to nearest around the middle of every two neighbours, ties to even", () => {
    for (let half = 0; half < 0x7bff; half++) {
      const middle = (float16ToNumber(half) + float16ToNumber(half + 1)) / 2;
      const even = half % 2 === 0 ? half : half + 1;
      const rounded = [neighbour(middle, -1), middle, neighbour(middle, 1)].map(numberToFloat16);
      const negative = [neighbour(middle, -1), middle, neighbour(middle, 1)].map((value) =>
        numberToFloat16(-value),
      );
      const expected = [half, even, half + 1];
      if (rounded.some((bits, i) => bits !== expected[i])) {
        expect.fail(`around ${middle}: ${rounded} instead of ${expected}`);
      }
      if (negative.some((bits, i) => bits !== expected[i]! + 0x8000)) {
        expect.fail(`around −${middle}: ${negative}`);
      }
    }
  });

  it("[W4] overflows from the middle above the largest value on", () => {
    expect(numberToFloat16(neighbour(65520, -1))).toBe(0x7bff);
    expect(numberToFloat16(65520)).toBe(0x7c00);
    expect(numberToFloat16(-3e38)).toBe(0xfc00);
  });
});

describe("bfloat16", () => {
  it("[W3] reads the upper half of a float32 and writes it back", () => {
    for (let bits = 0; bits < 65536; bits++) {
      BITS[0] = bits * 65536;
      const value = FLOAT[0]!;
      if (!Object.is(bfloat16ToNumber(bits), value)) expect.fail(`0x${bits.toString(16)}`);
      if (!Number.isNaN(value) && numberToBfloat16(value) !== bits) {
        expect.fail(`0x${bits.toString(16)} does not come back`);
      }
    }
    expect(bfloat16ToNumber(numberToBfloat16(NaN))).toBeNaN();
  });

  it("[W4] rounds to nearest, ties to even", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0x7f7e }), (bits) => {
        const [low, high] = [bfloat16ToNumber(bits), bfloat16ToNumber(bits + 1)];
        const middle = (low + high) / 2;
        expect(numberToBfloat16(neighbour(middle, -1))).toBe(bits);
        expect(numberToBfloat16(middle)).toBe(bits % 2 === 0 ? bits : bits + 1);
        expect(numberToBfloat16(neighbour(middle, 1))).toBe(bits + 1);
      }),
    );
  });
});
