import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resnet18 } from "../../../../../protocol/model/architectures/resnet18.ts";
import { importModel } from "../../../../../protocol/model/model-import.ts";
import { restoreFile, restorePieces } from "../../../../../protocol/formats/safetensors/restore.ts";
import {
  writeSafetensors,
  type TensorToWrite,
} from "../../../../../protocol/formats/safetensors/writer.ts";
import { stepCounter, tensorsOf } from "../../model/model-file.ts";
import { problem } from "../../problem.ts";

const graph = resnet18({ width: 2, classes: 3 });

/** A file with counters between the weights, in an order and with dtypes of its own. */
function mixedFile(tensors: readonly TensorToWrite[]): Uint8Array {
  return writeSafetensors(tensors, { format: "pt", note: "ä" });
}

const mixed = [
  stepCounter("bn1.num_batches_tracked", 1234n),
  ...tensorsOf(graph, "F16").slice(0, 40),
  stepCounter("layer4.1.bn2.num_batches_tracked", 99n),
  ...tensorsOf(graph, "BF16").slice(40, 60),
  ...tensorsOf(graph, "F32").slice(60),
];

describe("restoring a file", () => {
  it("[W4] gives the source back byte for byte when nothing changed, in any tensor order", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(mixed, { minLength: mixed.length }), (tensors) => {
        const file = mixedFile(tensors);
        const { header, layout, state } = importModel(file);
        expect(restoreFile(file, header, layout, state)).toEqual(file);
      }),
      { numRuns: 10 },
    );
  });

  it("[W4] rounds new values into the source's dtypes and leaves counters alone", () => {
    const file = mixedFile(mixed);
    const { header, layout, state } = importModel(file);
    const changed = state.map((value, i) => value + 1 / 3 + (i % 5));
    const expected = mixedFile(
      mixed.map((tensor) => {
        const entry = layout.entries.find(({ name }) => name === tensor.name);
        if (entry === undefined || !("values" in tensor)) return tensor;
        const values = changed.subarray(entry.offset, entry.offset + entry.size);
        return { ...tensor, values };
      }),
    );
    expect(restoreFile(file, header, layout, changed)).toEqual(expected);
  });

  it("[W4] gives the same file piece by piece", async () => {
    const file = mixedFile(mixed);
    const { header, layout, state } = importModel(file);
    const changed = state.map((value) => value * 1.001);
    const pieces: Uint8Array[] = [];
    const source = {
      state: (offset: number, length: number) =>
        Promise.resolve(changed.subarray(offset, offset + length)),
      original: (begin: number, end: number) => file.subarray(begin, end),
    };
    for await (const piece of restorePieces(header, layout, source)) pieces.push(piece);
    const joined = new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer());
    expect(joined).toEqual(restoreFile(file, header, layout, changed));
  });

  it.each([
    ["F16", 65519, 65520],
    ["BF16", 3.39e38, 3.4e38],
    ["F32", 3.4e38, Infinity],
  ] as const)("[W4] names a value that %s cannot hold", (dtype, largest, beyond) => {
    const file = writeSafetensors(tensorsOf(graph, dtype));
    const { header, layout, state } = importModel(file);
    const { offset } = layout.entries.find(({ name }) => name === "fc.bias")!;
    state[offset + 1] = largest;
    expect(restoreFile(file, header, layout, state)).toHaveLength(file.length);
    state[offset + 1] = beyond;
    expect(problem("non-finite-weights", () => restoreFile(file, header, layout, state))).toMatch(
      /'fc.bias'.* at index 1/,
    );
  });
});
