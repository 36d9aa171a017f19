import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resnet18 } from "../../../../../protocol/model/architectures/resnet18.ts";
import {
  importModel,
  openModel,
  restoreModel,
} from "../../../../../protocol/formats/import-model.ts";
import type { OpenModel } from "../../../../../protocol/formats/open-model.ts";
import {
  writeSafetensors,
  type TensorToWrite,
} from "../../../../../protocol/formats/safetensors/writer.ts";
import { sizeOf } from "../../../../../protocol/model/graph.ts";
import { entryView } from "../../../../../protocol/model/state-layout.ts";
import { stepCounter, tensorsOf } from "../tensors-to-write.ts";
import { refusal } from "../../problem.ts";

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

/** The model's file with this state vector, and the lengths of the pieces it came in. */
async function restored(
  model: OpenModel,
  state: Float32Array,
): Promise<{ readonly file: Uint8Array; readonly pieces: readonly number[] }> {
  const pieces: Uint8Array[] = [];
  const values = (offset: number, length: number) =>
    Promise.resolve(state.subarray(offset, offset + length));
  for await (const piece of restoreModel(model, values)) pieces.push(piece);
  return {
    file: new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer()),
    pieces: pieces.map(({ length }) => length),
  };
}

describe("restoring a file", () => {
  it("[W4] gives the source back byte for byte when nothing changed, in any tensor order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(mixed, { minLength: mixed.length }), async (tensors) => {
        const file = mixedFile(tensors);
        const model = await importModel(file);
        expect((await restored(model, model.state)).file).toEqual(file);
      }),
      { numRuns: 10 },
    );
  });

  it("[W4] rounds new values into the source's dtypes and leaves counters alone", async () => {
    const model = await importModel(mixedFile(mixed));
    const { layout, state } = model;
    const changed = state.map((value, i) => value + 1 / 3 + (i % 5));
    const expected = mixedFile(
      mixed.map((tensor) => {
        const entry = layout.entries.find(({ name }) => name === tensor.name);
        if (entry === undefined || !("values" in tensor)) return tensor;
        const { name, dtype, shape } = tensor;
        return { name, dtype, shape, values: entryView(changed, entry) };
      }),
    );
    expect((await restored(model, changed)).file).toEqual(expected);
  });

  it("[W4] is refused when the source gives fewer bytes than it had", async () => {
    const file = mixedFile(mixed);
    let isCut = false;
    const model = await openModel({
      totalBytes: file.length,
      read: (begin, end) => file.subarray(begin, isCut ? end - 1 : end),
    });
    isCut = true;
    const state = new Float32Array(model.layout.length);
    expect(await refusal("malformed-model", restored(model, state))).toMatch(/for, 7 came/);
  });

  it("[W4] gives float64 values back with all digits, and what changed as the float32 it became", async () => {
    const digits = tensorsOf(graph, "F64").map(({ name, shape }): TensorToWrite => {
      const values = Float64Array.from({ length: sizeOf(shape) }, (_, i) => 1 + i / 3);
      return { name, shape, dtype: "F64", bytes: new Uint8Array(values.buffer) };
    });
    const file = mixedFile(digits);
    const model = await importModel(file);
    expect(model.state[1]).toBe(Math.fround(4 / 3));
    expect((await restored(model, model.state)).file).toEqual(file);
    const { offset } = model.layout.entries.find(({ name }) => name === "fc.bias")!;
    model.state[offset + 1] = 0.1;
    const { file: changed } = await restored(model, model.state);
    const at = file.length - 8;
    expect(new DataView(changed.buffer).getFloat64(at - 8, true)).toBe(Math.fround(0.1));
    expect(changed.subarray(at)).toEqual(file.subarray(at));
  });

  it("[W4] gives it in pieces of at most 1 MiB", async () => {
    // The largest of its tensors has 1.4 million values.
    const file = writeSafetensors(tensorsOf(resnet18({ width: 48, classes: 3 })));
    const model = await importModel(file);
    const { file: same, pieces } = await restored(model, model.state);
    expect(Math.max(...pieces)).toBe(2 ** 20);
    expect(same.length).toBe(model.file.totalBytes);
    expect(Buffer.compare(same, file)).toBe(0);
  });

  it.each([
    ["F16", 65519, 65520],
    ["BF16", 3.39e38, 3.4e38],
    ["F32", 3.4e38, Infinity],
  ] as const)("[W4] names a value that %s cannot hold", async (dtype, largest, beyond) => {
    const file = writeSafetensors(tensorsOf(graph, dtype));
    const model = await importModel(file);
    const { layout, state } = model;
    const { offset } = layout.entries.find(({ name }) => name === "fc.bias")!;
    state[offset + 1] = largest;
    expect((await restored(model, state)).file).toHaveLength(file.length);
    state[offset + 1] = beyond;
    expect(await refusal("non-finite-weights", restored(model, state))).toMatch(
      /'fc.bias'.* at index 1/,
    );
  });
});
