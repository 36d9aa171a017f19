import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sizeOf, type LoopsKernel } from "../../../../client/engine/program/kernels/loops.ts";
import {
  constant,
  divide,
  LOWEST,
  maximum,
  multiply,
  numberOf,
  REDUCED,
  subtract,
  whereEqual,
  type Expression,
} from "../../../../client/engine/program/loops/expression.ts";
import {
  multipleOf,
  quotientOf,
  sumOf,
} from "../../../../client/engine/program/loops/index-form.ts";
import { LoopWriter } from "../../../../client/engine/program/loops/loop-writer.ts";
import type { Operand } from "../../../../client/engine/program/operands.ts";
import { CodeLibrary } from "../../../../client/engine/wasm/code/code-library.ts";
import { hasFusedMultiplyAdd } from "../../../../client/engine/wasm/code/features.ts";
import { planLoops } from "../../../../client/engine/wasm/plan/plan-loops.ts";
import { Functions, runTask } from "../../../../client/engine/wasm/threads/task-runner.ts";
import { SeededValues } from "../numerics/seeded-values.ts";
import "../numerics/to-be-allclose.ts";
import { interpretLoops } from "../program/interpret-loops.ts";

const MEMORY = new WebAssembly.Memory({ initial: 1 });

/** Memory one piece behind the other, with something between that must stay as it is. */
class Pieces {
  end = 16;

  of(...extents: readonly number[]): Operand {
    const length = sizeOf(extents);
    const offset = this.end;
    this.end += length + 3;
    return { region: "arena", offset, length };
  }
}

/** Runs loops, and holds what they write to what they mean; nothing else may change. */
function expectMeaning(kernel: LoopsKernel, seed: number, used: number): void {
  const floats = new Float32Array(MEMORY.buffer, 0, used);
  const random = new SeededValues(seed);
  floats.forEach((_, i) => (floats[i] = random.uniform(-2, 2)));
  const before = floats.slice();
  const valuesOf = ({ offset, length }: Operand): Float32Array =>
    before.subarray(offset, offset + length);
  const { output, reads } = kernel;
  const expected = interpretLoops(kernel, reads.map(valuesOf), valuesOf(output));

  const library = new CodeLibrary(hasFusedMultiplyAdd(), false);
  const site = {
    library,
    address: ({ offset }: Operand) => 4 * offset,
    packedWeights: () => 0,
    needScratch: () => undefined,
    groupSize: 1,
    groups: 1,
  };
  const stages = planLoops(site, kernel);
  const functions = new Functions(MEMORY);
  functions.add(library.modules);
  for (const task of functions.bind(stages, 0)) runTask(task);

  const end = output.offset + output.length;
  expect(floats.subarray(output.offset, end)).toBeAllclose(expected, { l2: 1e-6, floor: 1e-2 });
  before.set(floats.subarray(output.offset, end), output.offset);
  expect(floats).toEqual(before);
}

const extent = fc.integer({ min: 1, max: 37 });
const few = fc.integer({ min: 1, max: 5 });
const seeds = fc.noShrink(fc.nat());

function each<T extends [unknown, ...unknown[]]>(
  draws: { [Index in keyof T]: fc.Arbitrary<T[Index]> },
  kernelOf: (pieces: Pieces, ...drawn: T) => LoopsKernel,
): void {
  fc.assert(
    fc.property(fc.tuple(...draws), seeds, (drawn, seed) => {
      const pieces = new Pieces();
      expectMeaning(kernelOf(pieces, ...(drawn as T)), seed, pieces.end);
    }),
    { seed: 7, numRuns: 30 },
  );
}

const exp = (of: Expression): Expression => ({ kind: "exp", of });

describe("loops on WebAssembly", () => {
  it("reduce the last axis where it is the contiguous one: a softmax's sum, and more made of it", () => {
    each<[number, number, number]>([few, few, extent], (pieces, outer, rows, columns) => {
      const loops = new LoopWriter([outer, rows], [columns]);
      const [a, row, column] = loops.axes;
      const x = loops.tensor(pieces.of(outer, rows, columns), [outer, rows, columns]);
      const largest = loops.tensor(pieces.of(outer, rows), [outer, rows]);
      const of = exp(subtract(x.at(a, row, column), largest.at(a, row)));
      const value: Expression = { kind: "sqrt", of: divide(constant(1), REDUCED) };
      return loops.kernel("test", pieces.of(outer, rows), { by: "sum", of }, value);
    });
  });

  it("reduce several axes, with conditions along the last: the largest of some", () => {
    each<[number, number, number, number]>(
      [few, few, extent, fc.integer({ min: -5, max: 5 })],
      (pieces, rows, runs, columns, shift) => {
        const loops = new LoopWriter([rows], [runs, columns]);
        const [row, run, column] = loops.axes;
        const x = loops.tensor(pieces.of(rows, runs, columns), [rows, runs, columns]);
        const of = x.padded(LOWEST, row, run, sumOf(column, shift));
        const value = maximum(REDUCED, constant(-3));
        return loops.kernel("test", pieces.of(rows), { by: "max", of }, value);
      },
    );
  });

  it("multiply matrices, either one's rows along the sum", () => {
    each<[number, number, number, boolean]>(
      [few, extent, extent, fc.boolean()],
      (pieces, rows, columns, inner, across) => {
        const loops = new LoopWriter([rows, columns], [inner]);
        const [row, column, k] = loops.axes;
        const a = loops.tensor(pieces.of(rows, inner), [rows, inner]).at(row, k);
        const b = across
          ? loops.tensor(pieces.of(columns, inner), [columns, inner]).at(column, k)
          : loops.tensor(pieces.of(inner, columns), [inner, columns]).at(k, column);
        return loops.kernel("test", pieces.of(rows, columns), { by: "sum", of: multiply(a, b) });
      },
    );
  });

  it("add to what is there, term by term", () => {
    each<[number, number]>([extent, few], (pieces, columns, terms) => {
      const loops = new LoopWriter([columns], [terms]);
      const [column, term] = loops.axes;
      const x = loops.tensor(pieces.of(terms, columns), [terms, columns]);
      return loops.accumulation("test", pieces.of(columns), x.at(term, column));
    });
  });

  it("find the first of the largest in windows, and the windows of a position", () => {
    each<[number, number, number, number]>(
      [few, extent, few, fc.integer({ min: 1, max: 3 })],
      (pieces, rows, columns, kernel, stride) => {
        const length = stride * (rows - 1) + kernel;
        const loops = new LoopWriter([rows, columns], [kernel]);
        const [row, column, place] = loops.axes;
        const x = loops.tensor(pieces.of(length, columns), [length, columns]);
        const of = x.at(sumOf(multipleOf(row, stride), place), column);
        return loops.kernel("test", pieces.of(rows, columns), { by: "arg-max", of });
      },
    );
    each<[number, number, number]>([extent, extent, few], (pieces, rows, columns, stride) => {
      const windows = Math.ceil(rows / stride);
      const loops = new LoopWriter([rows, columns], [2]);
      const [row, column, back] = loops.axes;
      const dy = loops.tensor(pieces.of(windows, columns), [windows, columns]);
      const window = sumOf(quotientOf(row, stride), multipleOf(back, -1));
      const place = numberOf(sumOf(row, multipleOf(window, -stride)));
      const of = multiply(place, dy.padded(0, window, column));
      return loops.kernel("test", pieces.of(rows, columns), { by: "sum", of });
    });
  });

  it("gather what lies apart, and tell places as numbers", () => {
    each<[number, number, number]>([few, extent, extent], (pieces, outer, first, second) => {
      const loops = new LoopWriter([outer, second, first]);
      const [out, b, a] = loops.axes;
      const x = loops.tensor(pieces.of(outer, first, second), [outer, first, second]);
      const odd = whereEqual(numberOf(sumOf(multipleOf(a, 2), b)), constant(6), constant(5));
      const value = subtract(x.at(out, a, b), odd);
      return loops.kernel("test", pieces.of(outer, second, first), undefined, value);
    });
  });
});
