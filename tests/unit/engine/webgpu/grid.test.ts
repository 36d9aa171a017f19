import { expect, it } from "vitest";
import { MOST_WORKGROUPS, ShaderWriter } from "../../../../client/engine/webgpu/wgsl/shader.ts";
import { openOurs } from "./small-training.ts";

/** GPUBufferUsage, whose global Node lacks. */
const USAGE = { mapRead: 1, copySource: 4, copyTarget: 8, uniform: 64, storage: 128 } as const;

it("workgroups beyond what one direction takes are given out along another, each once", async () => {
  const [x, y, z] = [2, MOST_WORKGROUPS + 7, 3] as const;
  const shader = new ShaderWriter([]);
  shader.memory("counts", "arena", 0);
  const body = `let index = (group.z * ${y}u + group.y) * ${x}u + group.x;
arena[index] += 1.0 + f32(group.z);`;
  const { code, workgroups } = shader.dispatch("count", [1, 1], [x, y, z], 0, body);
  expect(Math.max(...workgroups)).toBeLessThanOrEqual(MOST_WORKGROUPS);

  const engine = await openOurs();
  const device = await engine.device();
  const bytes = 4 * x * y * z;
  const buffer = (size: number, usage: number) => device.createBuffer("grid", size, usage);
  const arena = buffer(bytes, USAGE.storage | USAGE.copySource);
  const small = buffer(256, USAGE.storage);
  const written = { student: 0, gradient: 0, velocity: 0, results: 0, halves: 0 };
  const others = Object.keys(written).map((name) => [name, buffer(256, USAGE.storage)]);
  const group = device.createBindGroup({
    ...(Object.fromEntries(others) as Record<keyof typeof written, GPUBuffer>),
    arena,
    teacher: small,
    input: small,
    settings: buffer(256, USAGE.uniform),
    places: buffer(256, USAGE.uniform),
  });
  const pipeline = await device.pipeline("count", code);
  const readback = buffer(bytes, USAGE.mapRead | USAGE.copyTarget);
  const encoder = device.gpu.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group, [0]);
  pass.dispatchWorkgroups(...workgroups);
  pass.end();
  encoder.copyBufferToBuffer(arena, 0, readback, 0, bytes);
  device.submit(encoder.finish());
  // GPUMapMode.READ, whose global Node lacks.
  await readback.mapAsync(1);
  const counts = new Float32Array(readback.getMappedRange());
  expect(counts).toEqual(
    Float32Array.from({ length: x * y * z }, (_, i) => 1 + Math.floor(i / (x * y))),
  );
  await engine.close();
});
