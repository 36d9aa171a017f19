import type { Graph } from "../../../protocol/model/graph.ts";
import { tiedParameters } from "../../../protocol/model/tied-parameters.ts";
import type { BatchShape } from "../program/program-writer.ts";
import { activationBytes, type Program } from "../program/program.ts";

/** A part of a batch that is worked through at once. */
export interface MicroBatch {
  readonly firstImage: number;
  readonly program: Program;
}

/** What a machine says about how a batch may be cut. */
export interface BatchCut {
  /** Bytes that a micro-batch's activations should need at most. */
  readonly bytes: number;
  /**
   * How many units a micro-batch may have where the batch has so many, the most first and 1 at last:
   * `fewestPieces`, `equalPieces` or `halvings`.
   */
  readonly sizes: (units: number) => Iterable<number>;
}

/**
 * Cuts a batch into micro-batches (SPEC D7): whole norm groups, or, where norms do not matter, images.
 * Of the sizes that the machine allows, the first that fits, and where none does the last. All
 * micro-batches have that size but for the last one, which may be smaller.
 *
 * @param compile makes the program for so many images
 * @param alone whether images may be taken one by one
 */
export function cutBatch(
  compile: (batch: BatchShape) => Program,
  alone: boolean,
  { groupSize, groups }: BatchShape,
  { bytes, sizes }: BatchCut,
): MicroBatch[] {
  const unit = alone ? 1 : groupSize;
  const units = alone ? groupSize * groups : groups;
  const compileUnits = (count: number): Program =>
    compile(alone ? { groupSize: count, groups: 1 } : { groupSize, groups: count });
  const { size, program } = firstThatFits(compileUnits, sizes(units), bytes);
  return Array.from({ length: Math.ceil(units / size) }, (_, i) => {
    const count = Math.min(size, units - i * size);
    return { firstImage: i * size * unit, program: count === size ? program : compileUnits(count) };
  });
}

function firstThatFits(
  compile: (size: number) => Program,
  sizes: Iterable<number>,
  bytes: number,
): { size: number; program: Program } {
  let found: { size: number; program: Program } | undefined;
  for (const size of sizes) {
    found = { size, program: compile(size) };
    if (activationBytes(found.program) <= bytes) break;
  }
  return found!;
}

/**
 * Most norm groups that a graph may be given at once. Sums over groups are taken in order; those of a
 * parameter that several operations use are only where groups come one by one.
 */
export function mostGroupsOf(graph: Graph): number {
  return tiedParameters(graph).size > 0 ? 1 : Infinity;
}

/** As few micro-batches as there can be, nearly equally large, of at most so many units. */
export function fewestPieces(most: number): BatchCut["sizes"] {
  return function* (units) {
    let parts = Math.ceil(units / Math.min(units, most));
    for (;;) {
      const count = Math.ceil(units / parts);
      yield count;
      if (count === 1) return;
      // The next number of parts that makes the largest one smaller.
      parts = Math.ceil(units / (count - 1));
    }
  };
}

/** Micro-batches of one size, so that one program does for all. */
export function* equalPieces(units: number): Generator<number> {
  for (let pieces = 1; pieces <= units; pieces++) {
    if (units % pieces === 0) yield units / pieces;
  }
}

/** So many units, half of that and so on, whatever the batch has: its programs do for others, too. */
export function halvings(most: number): BatchCut["sizes"] {
  return function* (units) {
    for (let size = most; size >= 1; size = Math.floor(size / 2)) {
      // What is more than all units and not the least such would be the same again.
      if (size < 2 * units) yield Math.min(size, units);
    }
  };
}
