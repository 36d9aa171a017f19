import { EngineError } from "../engine-error.ts";
import type { PlannedStep, SessionOptions } from "../engine.ts";
import { OPTIMIZER_VECTORS } from "../optimizer.ts";
import { activationBytes } from "../program/program.ts";
import { largestLeastPart, mebibytes } from "../step/least-memory.ts";
import { plannedRequest } from "../step/request.ts";
import { packedWeightsOf } from "./packed-weights.ts";
import { wasmTiling } from "./plan/wasm-tiling.ts";
import { floatBytes } from "./threads/heap.ts";

/**
 * Refuses a model whose steps do not fit into so much memory though each norm group is taken by itself.
 *
 * @throws EngineError `too-large`.
 */
export function requireWasmRoom(
  { graph, layout, normGroupSize, optimizer = "sgd" }: Omit<SessionOptions, "teacher">,
  step: PlannedStep,
  offered: number,
): void {
  const request = plannedRequest(normGroupSize, step);
  const { images, program } = largestLeastPart({ graph, layout, tiling: wasmTiling }, request);
  const { lastingBytes, passingBytes } = packedWeightsOf(program, "teacher");
  const { length, trainableLength } = layout;
  // Student and teacher; the gradient, and what the optimiser keeps.
  const kept = 2 * length + (1 + OPTIMIZER_VECTORS[optimizer]) * trainableLength;
  const weights = floatBytes(kept) + lastingBytes + passingBytes;
  const activations = activationBytes(program);
  if (weights + activations <= offered) return;
  throw new EngineError(
    "too-large",
    `a step takes ${images} images at once, which need ${mebibytes(weights + activations)} (${mebibytes(weights)} of them for weights), and WebAssembly can have ${mebibytes(offered)} here: ` +
      "take a machine with a graphics card, or ask the organisers for smaller norm groups or images",
  );
}
