import { expect, it } from "vitest";
import type { Activation } from "../../../../protocol/model/graph.ts";
import { ACTIVATIONS, rulesOf } from "../../../../client/engine/program/activations.ts";
import { ShaderWriter } from "../../../../client/engine/webgpu/wgsl/shader.ts";
import { declareActivation } from "../../../../client/engine/webgpu/wgsl/channels.ts";
import { runInArena } from "./run-dispatch.ts";
import { referenceOf } from "../numerics/reference-activations.ts";

const ALL: readonly Activation[] = [
  ...(Object.keys(ACTIVATIONS) as (keyof typeof ACTIVATIONS)[]),
  { kind: "leaky-relu", slope: 0.01 },
  { kind: "elu", alpha: 1 },
  { kind: "elu", alpha: 0.5 },
];

/** The middle finely, and large ones of both signs; no kink is among them. */
const INPUTS = Float32Array.from([
  ...Array.from({ length: 1984 }, (_, i) => (i - 991.37) / 80),
  ...Array.from({ length: 32 }, (_, i) => 2 ** i),
  ...Array.from({ length: 32 }, (_, i) => -(2 ** i)),
]);

/** Value and gradient of a gradient of 1, of every activation: `[activations, 2, inputs]`. */
async function onDevice(): Promise<Float32Array> {
  const length = 2 * ALL.length * INPUTS.length;
  const shader = new ShaderWriter(["arena"]);
  const values = shader.memory("values", "arena", 0);
  const vectors = INPUTS.length / 4;
  const at = (row: number): string => `arena[${values.base} + ${(row + 1) * vectors}u + lane]`;
  const statements = ALL.map((activation, i) => {
    declareActivation(shader, activation);
    const { wgsl, derivativeFrom } = rulesOf(activation);
    const value = wgsl.value("x");
    const gradient = wgsl.gradient("one", derivativeFrom === "input" ? "x" : at(2 * i));
    return `${at(2 * i)} = ${value};\n${at(2 * i + 1)} = ${gradient};`;
  });
  const dispatch = shader.dispatch(
    "activations",
    [256, 1],
    [1, 1, 1],
    0,
    `
let one = vec4f(1.0);
for (var lane = local.x; lane < ${vectors}u; lane += 256u) {
  let x = arena[${values.base} + lane];
  ${statements.join("\n")}
}`,
  );
  const arena = new Float32Array(INPUTS.length + length);
  arena.set(INPUTS);
  return (await runInArena([dispatch], arena)).subarray(INPUTS.length);
}

it("every activation in WGSL is what its definition says, value and derivative", async () => {
  const found = await onDevice();
  ALL.forEach((activation, i) => {
    const { value, derivative } = referenceOf(activation);
    [value, derivative].forEach((exact, row) => {
      const start = (2 * i + row) * INPUTS.length;
      const off = [...INPUTS].flatMap((x, k) => {
        const expected = exact(x);
        const error = Math.abs(found[start + k]! - expected);
        return error <= 2e-5 * Math.max(1, Math.abs(expected))
          ? []
          : [[x, found[start + k], expected]];
      });
      expect(off, `${JSON.stringify(activation)}, ${row === 0 ? "value" : "derivative"}`).toEqual(
        [],
      );
    });
  });
});
