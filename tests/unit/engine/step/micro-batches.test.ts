import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileProgram } from "../../../../client/engine/program/compile.ts";
import type { BatchShape } from "../../../../client/engine/program/program-writer.ts";
import { activationBytes, type Program } from "../../../../client/engine/program/program.ts";
import {
  cutBatch,
  equalPieces,
  fewestPieces,
  halvings,
} from "../../../../client/engine/step/micro-batches.ts";
import { wasmTiling } from "../../../../client/engine/wasm/plan/wasm-tiling.ts";
import { smallGraph } from "../small-graph.ts";

const { graph, layout } = smallGraph();

function compile(batch: BatchShape): Program {
  return compileProgram({ graph, layout, mode: "observe", batch, tiling: wasmTiling });
}

/** Of so many norm groups of two. */
function bytesOf(groups: number): number {
  return activationBytes(compile({ groupSize: 2, groups }));
}

describe("sizes of micro-batches", () => {
  it.each([
    ["as few as there can be", fewestPieces(Infinity), 7, [7, 4, 3, 2, 1]],
    ["at most three units each", fewestPieces(3), 7, [3, 2, 1]],
    ["all alike", equalPieces, 12, [12, 6, 4, 3, 2, 1]],
    ["all alike, of a prime", equalPieces, 7, [7, 1]],
    ["halvings of 16", halvings(16), 40, [16, 8, 4, 2, 1]],
    ["halvings of 16, of fewer", halvings(16), 10, [10, 8, 4, 2, 1]],
    ["halvings of 16, of one", halvings(16), 1, [1]],
  ])("%s", (_, sizes, units, expected) => {
    expect([...sizes(units)]).toEqual(expected);
  });

  it("fall from at most the whole to 1", () => {
    const rules = fc.constantFrom(
      equalPieces,
      fewestPieces(Infinity),
      fewestPieces(5),
      halvings(8),
    );
    fc.assert(
      fc.property(rules, fc.integer({ min: 1, max: 60 }), (sizes, units) => {
        const found = [...sizes(units)];
        expect(found[0]).toBeLessThanOrEqual(units);
        expect(found.at(-1)).toBe(1);
        expect(found.toSorted((a, b) => b - a)).toEqual(found);
        expect(new Set(found).size).toBe(found.length);
      }),
    );
  });
});

describe("a batch that is cut", () => {
  const shape = { groupSize: 2, groups: 5 };
  /** First image, and norm groups by their size. */
  const cut = (alone: boolean, bytes: number, sizes = fewestPieces(Infinity)) =>
    cutBatch(compile, alone, shape, { bytes, sizes }).map(({ firstImage, program }) => [
      firstImage,
      program.groups,
      program.groupSize,
    ]);

  it("[D7] stays whole where it fits", () => {
    expect(cut(false, bytesOf(5))).toEqual([[0, 5, 2]]);
  });

  it("[D7] falls into whole norm groups, the last piece perhaps smaller", () => {
    expect(cut(false, bytesOf(5) - 1)).toEqual([
      [0, 3, 2],
      [6, 2, 2],
    ]);
    expect(cut(false, bytesOf(2))).toEqual([
      [0, 2, 2],
      [4, 2, 2],
      [8, 1, 2],
    ]);
  });

  it("[D7] falls into pieces of one size for a machine that has one program", () => {
    const single = Array.from({ length: 5 }, (_, i) => [2 * i, 1, 2]);
    expect(cut(false, bytesOf(5) - 1, equalPieces)).toEqual(single);
  });

  it("falls into images where norms do not matter", () => {
    const pieces = cut(true, 0, halvings(4));
    expect(pieces).toEqual(Array.from({ length: 10 }, (_, i) => [i, 1, 1]));
    expect(cut(true, Infinity, halvings(4))).toEqual([
      [0, 1, 4],
      [4, 1, 4],
      [8, 1, 2],
    ]);
  });

  it("takes the smallest pieces where none fits, and compiles one program a size", () => {
    const pieces = cutBatch(compile, false, shape, { bytes: 0, sizes: fewestPieces(Infinity) });
    expect(pieces).toHaveLength(5);
    expect(new Set(pieces.map(({ program }) => program)).size).toBe(1);
  });
});
