import { describe, expect, it } from "vitest";
import type { Activation } from "../../../../protocol/model/graph.ts";
import { activationName } from "../../../../protocol/model/operations/pointwise.ts";
import { ACTIVATIONS, rulesOf } from "../../../../client/engine/program/activations.ts";
import type { LaneCode } from "../../../../client/engine/program/lanes/lane-code.ts";
import { FunctionWriter } from "../../../../client/engine/wasm/code/assembler.ts";
import { moduleOf } from "../../../../client/engine/wasm/code/module-bytes.ts";
import { hasFusedMultiplyAdd } from "../../../../client/engine/wasm/code/features.ts";
import { exp } from "../../../../client/engine/program/lanes/exp.ts";
import { erf, erfLanes } from "../../../../client/engine/program/lanes/erf.ts";
import { referenceOf } from "../numerics/reference-activations.ts";

const NAMED = Object.keys(ACTIVATIONS) as (keyof typeof ACTIVATIONS)[];
const ALL: readonly Activation[] = [
  ...NAMED,
  { kind: "leaky-relu", slope: 0.01 },
  { kind: "leaky-relu", slope: 0 },
  { kind: "elu", alpha: 1 },
  { kind: "elu", alpha: 0.5 },
];

/** Every exponent that counts, of both signs, and the middle finely; no kink is among them. */
const INPUTS = Float32Array.from(
  [
    ...Array.from({ length: 4000 }, (_, i) => (i - 1999.37) / 180),
    ...Array.from({ length: 1600 }, (_, i) => 2 ** ((i - 800) / 12)),
  ].flatMap((x) => [x, -x]),
);
const FUSED = hasFusedMultiplyAdd() ? [true, false] : [false];

/** What lane code makes of values that it finds on the stack. */
function runLanes(values: Float32Array, fused: boolean, write: (code: LaneCode) => void) {
  const writer = new FunctionWriter(0, fused);
  const at = writer.integer();
  const result = writer.vector();
  writer.constant(0).set(at);
  writer.repeat(Math.ceil(values.length / 4), () => {
    writer.loadVector(at, 0);
    write(writer);
    writer.set(result).storeVector(at, 0, () => writer.get(result));
    writer.advance(at, 16);
  });
  const memory = new WebAssembly.Memory({ initial: 2 });
  const floats = new Float32Array(memory.buffer, 0, values.length);
  floats.set(values);
  const module = new WebAssembly.Module(moduleOf(writer));
  (new WebAssembly.Instance(module, { env: { memory } }).exports["run"] as () => void)();
  return floats.slice();
}

/** The largest error in units of the last place, of numbers that float32 can hold to full precision. */
function worstUnits(x: Float32Array, found: Float32Array, expected: (x: number) => number): number {
  let worst = 0;
  x.forEach((value, i) => {
    const exact = expected(value);
    if (Math.fround(exact) === found[i]) return;
    const unit = 2 ** (Math.floor(Math.log2(Math.max(Math.abs(exact), 2 ** -126))) - 23);
    worst = Math.max(worst, Math.abs(found[i]! - exact) / unit);
  });
  return worst;
}

describe.each(FUSED)("functions of four lanes (multiply and add in one: %s)", (fused) => {
  it("e^x is right to two units in the last place, from 0 through subnormals to infinity", () => {
    const edges = Float32Array.of(0, -0, Infinity, -Infinity, 88.7228, 88.723, -103.9, -104.1);
    const found = runLanes(edges, fused, exp);
    expect([...found.subarray(0, 4)]).toEqual([1, 1, Infinity, 0]);
    expect(found[5]).toBe(Infinity);
    expect(found[7]).toBe(0);
    expect(worstUnits(edges, found, Math.exp)).toBeLessThan(2);
    expect(worstUnits(INPUTS, runLanes(INPUTS, fused, exp), Math.exp)).toBeLessThan(2);
    expect([...runLanes(new Float32Array(4).fill(NaN), fused, exp)]).toEqual([NaN, NaN, NaN, NaN]);
  });

  it("tanh and erf are right to three units in the last place, ±1 at infinity", () => {
    const edges = Float32Array.of(0, 0, Infinity, -Infinity);
    const tanh = rulesOf("tanh").wasm.value;
    for (const write of [tanh, erfLanes]) {
      expect([...runLanes(edges, fused, write)]).toEqual([0, 0, 1, -1]);
    }
    expect(worstUnits(INPUTS, runLanes(INPUTS, fused, tanh), Math.tanh)).toBeLessThan(3);
    expect(worstUnits(INPUTS, runLanes(INPUTS, fused, erfLanes), exactErf)).toBeLessThan(3);
  });
});

/** 2·Φ(x·√2) − 1, where that cancels by its first terms. */
function exactErf(x: number): number {
  if (Math.abs(x) < 1e-3) return (2 / Math.sqrt(Math.PI)) * (x - x ** 3 / 3 + x ** 5 / 10);
  const z = Math.abs(x) * Math.SQRT2;
  return Math.sign(x) * (2 * (referenceOf("gelu").value(z) / z) - 1);
}

it("erf on the host is right to 2·10⁻⁸", () => {
  for (const x of INPUTS) expect(Math.abs(erf(x) - exactErf(x))).toBeLessThan(2e-8);
});

/** What rounding leaves of 1 − σ, where it stands before x³. */
function closeTo(exact: number, found: number): boolean {
  return Math.abs(found - exact) <= 4e-6 * Math.max(1, Math.abs(exact));
}

describe.each(ALL.map((activation) => [activationName(activation), activation] as const))(
  "%s",
  (_, activation) => {
    const { value, derivative } = referenceOf(activation);
    const rules = rulesOf(activation);
    it("gives the value on the host and in lanes, over all float32", () => {
      for (const x of INPUTS) expect(closeTo(value(x), rules.value(x))).toBe(true);
      for (const fused of FUSED) {
        const found = runLanes(INPUTS, fused, (code) => rules.wasm.value(code));
        expect(INPUTS.filter((x, i) => !closeTo(value(x), found[i]!))).toEqual(new Float32Array(0));
      }
    });

    it(`tells the gradient from the ${rules.derivativeFrom}, wherever cubes can be held`, () => {
      const inputs = INPUTS.filter((x) => Math.abs(x) < 1e12);
      const from =
        rules.derivativeFrom === "input"
          ? inputs
          : runLanes(inputs, FUSED[0]!, (code) => rules.wasm.value(code));
      for (const fused of FUSED) {
        const found = runLanes(from, fused, (code) => {
          code.keep((x) => rules.wasm.gradient(code, () => code.splat(-3), x));
        });
        const off = inputs.filter((x, i) => !closeTo(derivative(x), found[i]! / -3));
        expect(off).toEqual(new Float32Array(0));
      }
    });
  },
);
