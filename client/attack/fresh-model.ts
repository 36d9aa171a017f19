import type { Graph } from "../../protocol/model/graph.ts";
import { entryView, type StateLayout } from "../../protocol/model/state-layout.ts";
import { reinitialise, reinitPlan } from "../../protocol/reinit/reinitialise.ts";
import { writeSafetensors } from "../../protocol/formats/safetensors/writer.ts";

/**
 * A network as its architecture starts it: He-normal convolutions, batch norm the identity.
 *
 * @param seed 32 bytes.
 * @returns whole state vector.
 */
export function freshState(graph: Graph, layout: StateLayout, seed: Uint8Array): Float32Array {
  const state = new Float32Array(layout.length);
  for (const entry of layout.entries) {
    const isOne = entry.role === "norm-scale" || entry.role === "running-variance";
    if (isOne) entryView(state, entry).fill(1);
  }
  // Re-initialising everything is initialising.
  return reinitialise(state, layout, reinitPlan(graph, { kind: "uniform", ratio: 1 }, 1), seed);
}

/**
 * A state vector as a safetensors file of float32 tensors with the layout's names.
 *
 * @param metadata free text for the header, beside the format that PyTorch looks for.
 */
export function modelFile(
  layout: StateLayout,
  state: Float32Array,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  return writeSafetensors(
    layout.entries.map((entry) => ({
      name: entry.name,
      shape: entry.shape,
      dtype: "F32",
      values: entryView(state, entry),
    })),
    { format: "pt", ...metadata },
  );
}
