import { nodeEnvironment } from "../../../../client/engine/opening/node-environment.ts";
import {
  BINDINGS,
  MAX_PLACES,
  type Dispatch,
} from "../../../../client/engine/webgpu/wgsl/shader.ts";

/** Runs dispatches that touch nothing but the arena, one after the other; returns what it then holds. */
export async function runInArena(
  dispatches: readonly Dispatch[],
  values: Float32Array<ArrayBuffer>,
): Promise<Float32Array> {
  const gpu = await nodeEnvironment().gpu();
  const device = await (await gpu.requestAdapter())!.requestDevice();
  const { STORAGE, COPY_SRC, COPY_DST, UNIFORM, MAP_READ } = GPUBufferUsage;
  const size = values.byteLength;
  const arena = device.createBuffer({ size, usage: STORAGE | COPY_SRC | COPY_DST });
  const read = device.createBuffer({ size, usage: MAP_READ | COPY_DST });
  device.queue.writeBuffer(arena, 0, values);
  const encoder = device.createCommandEncoder();
  for (const { code, places, workgroups } of dispatches) {
    const numbers = device.createBuffer({ size: 4 * MAX_PLACES, usage: UNIFORM | COPY_DST });
    device.queue.writeBuffer(numbers, 0, Uint32Array.from(places));
    const pipeline = device.createComputePipeline({
      layout: "auto",
      compute: { module: device.createShaderModule({ code }), entryPoint: "main" },
    });
    const entries = [
      { binding: BINDINGS.arena, resource: { buffer: arena } },
      { binding: BINDINGS.places, resource: { buffer: numbers } },
    ];
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(
      0,
      device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }),
    );
    pass.dispatchWorkgroups(...workgroups);
    pass.end();
  }
  encoder.copyBufferToBuffer(arena, 0, read, 0, size);
  device.queue.submit([encoder.finish()]);
  await read.mapAsync(MAP_READ);
  const found = new Float32Array(read.getMappedRange().slice(0));
  device.destroy();
  return found;
}
