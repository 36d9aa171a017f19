import { isTrainable, sizeOf, type Graph, type ParameterRole } from "./graph.ts";
import { ProtocolError } from "../errors.ts";

/**
 * Most values a slice may hold: 2¹⁹ (2 MiB of float32). Under the 2²⁰ the design allows, so that a
 * combining slice object (a float64 accumulator, one frame and two optimiser moments) stays well
 * under its 16 MiB.
 */
export const MAX_SLICE_VALUES = 2 ** 19;

/** Where one tensor lies in the state vector. */
export interface LayoutEntry {
  readonly name: string;
  readonly role: ParameterRole;
  readonly shape: readonly number[];
  readonly size: number;
  /** First value's index in the state vector. */
  readonly offset: number;
}

/** A run of the state vector that travels, is stored and is combined as one piece. */
export interface Slice {
  readonly index: number;
  readonly offset: number;
  readonly length: number;
  /** Trainable values and running statistics never share a slice (SPEC S3). */
  readonly section: "trainable" | "statistics";
}

/**
 * The state vector θ: every trainable tensor in file order, then every running statistic in file
 * order, flattened row-major in the file's own layout. Everything after the importer speaks of it.
 */
export interface StateLayout {
  readonly entries: readonly LayoutEntry[];
  /** Number of trainable values; running statistics follow from this index on. */
  readonly trainableLength: number;
  readonly length: number;
  readonly slices: readonly Slice[];
}

/**
 * Lays the graph's parameters out as a state vector.
 *
 * @param fileOrder names in the order of the source file; defaults to the graph's own order.
 *   Names the graph does not know are left out (they are kept beside and restored at export).
 * @throws ProtocolError `unsupported-model` when a parameter of the graph is missing from the file.
 *
 * @example
 * const layout = stateLayout(graph, file.tensors.map((tensor) => tensor.name));
 */
export function stateLayout(
  graph: Graph,
  fileOrder: readonly string[] = graph.parameters.map((parameter) => parameter.name),
  maxSliceValues: number = MAX_SLICE_VALUES,
): StateLayout {
  const position = new Map(fileOrder.map((name, index) => [name, index]));
  const ordered = graph.parameters.map((parameter) => {
    const index = position.get(parameter.name);
    if (index === undefined) {
      throw new ProtocolError("unsupported-model", `the file has no tensor '${parameter.name}'`);
    }
    return { parameter, index };
  });
  ordered.sort((a, b) => a.index - b.index);
  const inFileOrder = ordered.map(({ parameter }) => parameter);

  const entries: LayoutEntry[] = [];
  let offset = 0;
  const place = (trainable: boolean): void => {
    for (const { name, role, shape } of inFileOrder) {
      if (isTrainable(role) !== trainable) continue;
      const size = sizeOf(shape);
      entries.push({ name, role, shape, size, offset });
      offset += size;
    }
  };
  place(true);
  const trainableLength = offset;
  place(false);

  const slices: Slice[] = [];
  const cut = (from: number, to: number, section: Slice["section"]): void => {
    for (let start = from; start < to; start += maxSliceValues) {
      const length = Math.min(maxSliceValues, to - start);
      slices.push({ index: slices.length, offset: start, length, section });
    }
  };
  cut(0, trainableLength, "trainable");
  cut(trainableLength, offset, "statistics");

  return { entries, trainableLength, length: offset, slices };
}

/** The part of `state` that a layout entry names, as a view (no copy). */
export function entryView(state: Float32Array, entry: LayoutEntry): Float32Array {
  return state.subarray(entry.offset, entry.offset + entry.size);
}
