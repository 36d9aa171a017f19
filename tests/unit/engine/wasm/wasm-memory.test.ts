import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Heap, type Block } from "../../../../client/engine/wasm/threads/heap.ts";
import { highTilesOf, tilesOf } from "../../../../client/engine/wasm/code/register-tile.ts";
import { blockParts, imageBlocks } from "../../../../client/engine/wasm/plan/stage.ts";

describe("the heap of the WebAssembly engine", () => {
  it("never gives the same memory twice, and uses freed memory again", () => {
    const sizes = fc.array(fc.tuple(fc.integer({ min: 0, max: 200_000 }), fc.boolean()), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(sizes, (requests) => {
        const heap = new Heap(false);
        const held: Block[] = [];
        for (const [bytes, freeOne] of requests) {
          const block = heap.allocate(bytes);
          expect(block.bytes).toBeGreaterThanOrEqual(bytes);
          expect(block.address % 64).toBe(0);
          for (const other of held) {
            const apart =
              block.address + block.bytes <= other.address ||
              other.address + other.bytes <= block.address;
            expect(apart).toBe(true);
          }
          expect(block.address + block.bytes).toBeLessThan(heap.memory.buffer.byteLength);
          held.push(block);
          if (freeOne) heap.free(held.splice(bytes % held.length, 1)[0]!);
        }
        const grown = heap.memory.buffer.byteLength;
        for (const block of held) heap.free(block);
        const most = held.reduce((sum, { bytes }) => sum + bytes, 0);
        heap.free(heap.allocate(most));
        expect(heap.memory.buffer.byteLength).toBe(grown);
      }),
      { numRuns: 50 },
    );
  });
});

describe("tiles in registers", () => {
  it("cover every row and every column once, with sums that fit the registers", () => {
    const sizes = fc.tuple(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 300 }));
    fc.assert(
      fc.property(sizes, fc.constantFrom(tilesOf, highTilesOf), ([rows, columns], cut) => {
        const tiles = cut(rows, columns);
        expect(tiles.rows.reduce((sum, { height, count }) => sum + height * count, 0)).toBe(rows);
        let column = 0;
        for (const { vectors, lanes, ...panel } of tiles.columns) {
          expect(panel.column).toBe(column);
          expect(lanes).toBeGreaterThan(0);
          column += ((vectors - 1) * 4 + lanes) * panel.count;
          for (const { height } of tiles.rows) expect(height * vectors).toBeLessThanOrEqual(12);
        }
        expect(column).toBe(columns);
      }),
    );
  });
});

describe("blocks of images", () => {
  it("cover each norm group by itself, with as many partial sums as the tiling says", () => {
    const shapes = fc.record({
      groupSize: fc.integer({ min: 1, max: 40 }),
      groups: fc.integer({ min: 1, max: 4 }),
      positions: fc.integer({ min: 1, max: 1100 }),
    });
    fc.assert(
      fc.property(shapes, ({ groupSize, groups, positions }) => {
        const blocks = imageBlocks({ groupSize, groups }, positions);
        const parts = blockParts(groupSize, positions);
        let image = 0;
        for (const block of blocks) {
          expect(block.image).toBe(image);
          expect(Math.floor(image / groupSize)).toBe(block.group);
          expect(Math.floor((image + block.count - 1) / groupSize)).toBe(block.group);
          expect(block.part + Math.ceil((block.count * positions) / 256)).toBeLessThanOrEqual(
            parts,
          );
          image += block.count;
        }
        expect(image).toBe(groupSize * groups);
        const last = blocks.at(-1)!;
        expect(last.part + Math.ceil((last.count * positions) / 256)).toBe(parts);
      }),
    );
  });
});
