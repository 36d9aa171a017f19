import { EngineError } from "../engine-error.ts";
import type { PlannedStep, SessionOptions } from "../engine.ts";
import { OPTIMIZER_VECTORS } from "../optimizer.ts";
import type { HeadKernel } from "../program/kernels/head.ts";
import type { Precision } from "../program/operands.ts";
import { activationBytes } from "../program/program.ts";
import { largestLeastPart, mebibytes } from "../step/least-memory.ts";
import { plannedRequest } from "../step/request.ts";
import { tilingOf, type Tiles } from "./tiles/tiles.ts";
import { fitsShared } from "./wgsl/fused-head.ts";

/**
 * Refuses a model whose steps do not fit into buffers of so many bytes though each norm group is taken by
 * itself.
 *
 * @throws EngineError `too-large`.
 */
export function requireGpuRoom(
  { graph, layout, normGroupSize, optimizer = "sgd" }: Omit<SessionOptions, "teacher">,
  step: PlannedStep,
  machine: {
    readonly tiles: Tiles;
    readonly precision: Precision | undefined;
    readonly bytes: number;
  },
): void {
  const { bytes, precision = "f32", tiles } = machine;
  const fusesHead = (head: HeadKernel): boolean => fitsShared(head, tiles.cooperation);
  const model = { graph, layout, tiling: tilingOf(tiles), precision, fusesHead };
  const { images, program } = largestLeastPart(model, plannedRequest(normGroupSize, step));
  const activations = activationBytes(program);
  const values = Math.max(layout.length, OPTIMIZER_VECTORS[optimizer] * layout.trainableLength);
  if (Math.max(activations, 4 * values) <= bytes) return;
  throw new EngineError(
    "too-large",
    `a step takes ${images} images at once, which need ${mebibytes(activations)} besides ${mebibytes(4 * values)} of weights, and this GPU gives ${mebibytes(bytes)} to one buffer: ` +
      "choose the wasm backend, or ask the organisers for smaller norm groups or images",
  );
}
