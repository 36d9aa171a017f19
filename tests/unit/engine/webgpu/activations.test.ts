import { expect, it } from "vitest";
import type { Activation } from "../../../../protocol/model/graph.ts";
import { nodeEnvironment } from "../../../../client/engine/opening/node-environment.ts";
import { ACTIVATIONS, rulesOf } from "../../../../client/engine/program/activations.ts";
import { ShaderWriter } from "../../../../client/engine/webgpu/wgsl/shader.ts";
import { declareActivation } from "../../../../client/engine/webgpu/wgsl/channels.ts";
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
  const gpu = await nodeEnvironment().gpu();
  const device = await (await gpu.requestAdapter())!.requestDevice();
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
  const { code } = shader.dispatch(
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
  const pipeline = device.createComputePipeline({
    layout: "auto",
    compute: { module: device.createShaderModule({ code }), entryPoint: "main" },
  });
  const size = 4 * (INPUTS.length + length);
  const { STORAGE, COPY_SRC, COPY_DST, UNIFORM, MAP_READ } = GPUBufferUsage;
  const arena = device.createBuffer({ size, usage: STORAGE | COPY_SRC | COPY_DST });
  const places = device.createBuffer({ size: 128, usage: UNIFORM });
  const read = device.createBuffer({ size, usage: MAP_READ | COPY_DST });
  device.queue.writeBuffer(arena, 0, INPUTS);
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  const entries = [arena, places].map((buffer, i) => ({ binding: 8 * i, resource: { buffer } }));
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(arena, 0, read, 0, size);
  device.queue.submit([encoder.finish()]);
  await read.mapAsync(MAP_READ);
  const found = new Float32Array(read.getMappedRange().slice(4 * INPUTS.length));
  device.destroy();
  return found;
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
