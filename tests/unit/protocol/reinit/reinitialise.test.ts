import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import {
  addMaskCounts,
  isMasked,
  reinitMask,
  stageShares,
  type MaskCounts,
} from "../../../../protocol/reinit/mask.ts";
import { philox4x32 } from "../../../../protocol/random/philox.ts";
import { randomField } from "../../../../protocol/random/random-field.ts";
import {
  maskThreshold,
  parseSeed,
  reinitialise,
  reinitialiseRange,
  reinitPlan,
} from "../../../../protocol/reinit/reinitialise.ts";
import { EXPECTED, runReinitCase } from "../../../fixtures/reinit-case.ts";
import { problem } from "../problem.ts";

const graph = resnet18({ width: 4, classes: 5 });
const layout = stateLayout(graph);
const seed = Uint8Array.from({ length: 32 }, (_, i) => 200 - i);
const teacher = Float32Array.from({ length: layout.length }, (_, i) => (i % 3 === 0 ? -0 : 1 / i));
const plan = reinitPlan(graph, { kind: "layerwise" }, 2);
const student = reinitialise(teacher, layout, plan, seed);
const mask = reinitMask(layout, plan, seed);
/** As the coordinator counts it: part by part. */
const countsOf = (whole: Uint8Array): MaskCounts => {
  const counts: MaskCounts = new Map();
  const half = 64 * 5;
  addMaskCounts(counts, layout, whole.subarray(0, half), 0);
  addMaskCounts(counts, layout, whole.subarray(half), 8 * half);
  return counts;
};
const entry = (name: string) => layout.entries.find((other) => other.name === name)!;

describe("re-initialisation", () => {
  it("[I1] [I4] gives the committed digests", () => {
    expect(runReinitCase()).toEqual(EXPECTED);
  });

  it("[I1] keeps what the mask does not cover, bit for bit, and draws the rest anew", () => {
    let changed = 0;
    for (let i = 0; i < layout.length; i++) {
      if (isMasked(mask, i)) changed += student[i] === teacher[i] ? 0 : 1;
      else if (!Object.is(student[i], teacher[i])) expect.fail(`value ${i} changed`);
    }
    const covered = mask.reduce(
      (sum, byte) => sum + byte.toString(2).replaceAll("0", "").length,
      0,
    );
    expect(changed).toBe(covered);
    expect(covered).toBeGreaterThan(1000);
  });

  it("[I1] gives any range what the whole gives it", () => {
    const cut = fc.tuple(fc.nat(layout.length), fc.nat(layout.length));
    fc.assert(
      fc.property(cut, ([a, b]) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const part = reinitialiseRange(teacher.subarray(from, to), layout, plan, seed, from);
        expect(part).toEqual(student.slice(from, to));
      }),
      { numRuns: 30 },
    );
    expect(() => reinitialiseRange(teacher, layout, plan, seed, 1)).toThrow(RangeError);
    expect(() => reinitialise(teacher.subarray(1), layout, plan, seed)).toThrow(RangeError);
  });

  it("[I1] depends on the tensor's name, not on where the file has it", () => {
    const turned = stateLayout(graph, graph.parameters.map(({ name }) => name).toReversed());
    const other = reinitialise(new Float32Array(layout.length), turned, plan, seed);
    const zeros = reinitialise(new Float32Array(layout.length), layout, plan, seed);
    for (const { name, offset, size } of turned.entries) {
      const home = entry(name).offset;
      expect(other.slice(offset, offset + size)).toEqual(zeros.slice(home, home + size));
    }
  });

  it("[I1] takes another seed for another student", () => {
    const others = reinitialise(teacher, layout, plan, seed.with(31, 0));
    expect(others).not.toEqual(student);
    expect(() => reinitialise(teacher, layout, plan, seed.subarray(1))).toThrow(/32 bytes/);
  });

  it("[I2] draws words as the rule says", () => {
    const name = "layer1.0.conv1.weight";
    const hash = createHash("sha256")
      .update("scour/reinit/v1\0")
      .update(seed)
      .update(name)
      .digest();
    const [actual, expected] = [new Uint32Array(4), new Uint32Array(4)];
    const h = [0, 4, 8, 12].map((at) => hash.readUInt32LE(at)) as [number, number, number, number];
    for (const element of [0, 1, 77, 2 ** 32 - 1, 2 ** 32, 5 * 2 ** 32 + 9]) {
      randomField(seed, name).words(actual, element);
      const [low, high] = [element % 2 ** 32, Math.floor(element / 2 ** 32)];
      philox4x32(expected, low, high, h[2], h[3], h[0], h[1]);
      expect(actual).toEqual(expected);
    }
  });

  it("[I3] scales ratios to thresholds exactly", () => {
    expect(maskThreshold(1)).toBe(2 ** 32);
    expect(maskThreshold(0)).toBe(0);
    expect(maskThreshold(0.25)).toBe(2 ** 30);
    expect(maskThreshold(0.01)).toBe(42_949_672);
    expect(maskThreshold(2 ** -33)).toBe(0);
  });

  it("[I3] re-initialises everything at ratio 1, nothing at 0, never batch norm", () => {
    const all = reinitPlan(graph, { kind: "uniform", ratio: 1 }, 1);
    for (const { stage, values, reinitialised } of stageShares(
      graph,
      layout,
      countsOf(reinitMask(layout, all, seed)),
    )) {
      expect(reinitialised, String(stage)).toBe(values);
    }
    const none = reinitPlan(graph, { kind: "uniform", ratio: 1 }, 0);
    expect(none.size).toBe(0);
    expect(reinitialise(teacher, layout, none, seed)).toEqual(teacher);
    const { offset, size } = entry("layer4.0.bn1.weight");
    for (let i = offset; i < offset + size; i++) expect(isMasked(mask, i)).toBe(false);
  });

  it("[I3] covers the share each stage asks for", () => {
    const shares = stageShares(graph, layout, countsOf(mask));
    const expected = new Map<unknown, number>([
      [1, 0.02],
      [2, 0.06],
      [3, 0.18],
      [4, 0.54],
      ["head", 0.2],
    ]);
    expect(shares.map(({ stage }) => stage)).toEqual([...expected.keys()]);
    for (const { stage, values, reinitialised } of shares) {
      const ratio = expected.get(stage)!;
      const deviation = Math.sqrt(values * ratio * (1 - ratio));
      expect(Math.abs(reinitialised - values * ratio), String(stage)).toBeLessThan(4 * deviation);
    }
  });

  it("[I4] draws convolutions He-normal, the head uniformly", () => {
    const all = reinitPlan(graph, { kind: "uniform", ratio: 1 }, 1);
    const fresh = reinitialise(teacher, layout, all, seed);
    const of = (name: string) => {
      const { offset, size } = entry(name);
      return [...fresh.subarray(offset, offset + size)];
    };
    const conv = of("layer4.1.conv2.weight");
    const std = Math.sqrt(2 / (3 * 3 * 32));
    const moment = (power: number) =>
      conv.reduce((sum, value) => sum + (value / std) ** power, 0) / conv.length;
    // Standard errors of the first, second and fourth moment of n normal values: √(1, 2, 96)/√n.
    const n = Math.sqrt(conv.length);
    expect(Math.abs(moment(1))).toBeLessThan(4 / n);
    expect(Math.abs(moment(2) - 1)).toBeLessThan((4 * Math.SQRT2) / n);
    expect(Math.abs(moment(4) - 3)).toBeLessThan((4 * Math.sqrt(96)) / n);

    const bound = 1 / Math.sqrt(32);
    const head = [...of("fc.weight"), ...of("fc.bias")];
    expect(Math.max(...head.map(Math.abs))).toBeLessThanOrEqual(bound);
    expect(Math.max(...head)).toBeGreaterThan(0.9 * bound);
    expect(Math.min(...head)).toBeLessThan(-0.9 * bound);
  });

  it("[I6] sets bit i in byte i>>3, least significant first, and no bit beyond the end", () => {
    expect(mask).toHaveLength(Math.ceil(layout.length / 8));
    const zeros = reinitialise(new Float32Array(layout.length), layout, plan, seed);
    for (let i = 0; i < mask.length * 8; i++) {
      const bit = (mask[Math.floor(i / 8)]! >> (i % 8)) % 2 === 1;
      if (bit !== (i < zeros.length && zeros[i] !== 0)) expect.fail(`bit ${i} is ${bit}`);
    }
  });

  it("reads seeds in hexadecimal only", () => {
    expect(parseSeed("00ff".repeat(16))).toEqual(
      Uint8Array.from({ length: 32 }, (_, i) => (i % 2) * 255),
    );
    problem("malformed-request", () => parseSeed("00ff"));
    problem("malformed-request", () => parseSeed("zz".repeat(32)));
  });
});
