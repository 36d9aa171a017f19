import { describe, expect, it } from "vitest";
import { openModelFile } from "../../../../../protocol/formats/open-model-file.ts";
import { sizeOf } from "../../../../../protocol/model/values.ts";
import { refusal } from "../../problem.ts";
import {
  call,
  dict,
  global,
  number,
  operations,
  pickle,
  tensor as viewOf,
  text,
  tuple,
} from "../pickle/assemble.ts";
import {
  newValues,
  ofPyTorch,
  opened,
  restored,
  torchArchive,
  valuesOf,
} from "./torch-fixtures.ts";

const FILES = [
  "views.pt",
  "views-legacy.pth",
  "attack-result.pt",
  "checkpoint.pth.tar",
  "legacy.th",
  "legacy-protocol-4.pth",
  "module.pt",
  "module-legacy.pt",
  "script.pt",
];

/** What the k-th tensor that make.py made holds. */
const made = (k: number, shape: readonly number[]): Float32Array =>
  Float32Array.from({ length: sizeOf(shape) }, (_, i) => k + i / 8);

/** Why a pickle without storages is refused. */
const refused = (value: Uint8Array) =>
  refusal("unsupported-model", opened(torchArchive(pickle(value), {})));

/** A state dict of tensors with these names. */
const weights = (...names: readonly string[]) =>
  dict(names.map((name) => [name, viewOf("0", [1])] as const));

/** Its first tensor's name, and what was found where. */
async function rules(name: string): Promise<string[]> {
  const { findings, tensors } = await opened(await ofPyTorch(name));
  return [tensors[0]!.name, ...findings.map(({ rule, where }) => `${rule} ${where}`)];
}

describe("a file that PyTorch wrote", () => {
  it.each(["views.pt", "views-legacy.pth"])(
    "[T4] gives the values of tensors however they lie in it: %s",
    async (path) => {
      const file = await opened(await ofPyTorch(path));
      const shapes = {
        last: [3, 2, 2, 3],
        turned: [4, 5],
        part: [3, 4],
        columns: [4, 2],
        half: [5],
        brain: [5],
        double: [5],
        scalar: [],
        empty: [0, 3],
        one: [4, 2, 1, 1],
        steps: [],
        flags: [2],
        parameter: [3],
        tied: [4, 5],
        "tied.part": [2, 5],
      };
      expect(Object.fromEntries(file.tensors.map(({ name, shape }) => [name, shape]))).toEqual(
        shapes,
      );
      expect(file.tensors.filter(({ values }) => values !== "floats")).toMatchObject([
        { name: "steps", dtype: "int64", values: "integers" },
        { name: "flags", dtype: "bool", values: "integers" },
      ]);
      const order = [
        "last",
        "turned",
        "part",
        "columns",
        "half",
        "brain",
        "double",
        "scalar",
        "empty",
        "one",
        "steps",
        "parameter",
      ];
      const turned = made(2, [4, 5]);
      for (const [tensor, values] of await valuesOf(file)) {
        const whole = made(order.indexOf(tensor) + 1, shapes[tensor as keyof typeof shapes]);
        const tied = tensor === "tied" ? turned : turned.subarray(5, 15);
        expect(values, tensor).toEqual(tensor.startsWith("tied") ? tied : whole);
      }
      expect(file.findings.map(({ rule }) => rule)).toEqual(["float64-weights", "shared-values"]);
    },
  );

  it.each(FILES)("[T7] comes out as it went in where nothing changed: %s", async (name) => {
    const bytes = await ofPyTorch(name);
    const file = await opened(bytes);
    expect(await restored(file, await valuesOf(file))).toEqual(new Uint8Array(bytes));
    expect(file.totalBytes).toBe(bytes.length);
  });

  it.each(FILES)(
    "[T7] holds new values where the old ones were, and all else: %s",
    async (name) => {
      const bytes = await ofPyTorch(name);
      const file = await opened(bytes);
      const before = await valuesOf(file);
      const doubled = new Map(
        Array.from(before, ([tensor, values]) => [tensor, values.map((v) => 2 * v)]),
      );
      const other = await opened(await restored(file, doubled));
      expect(await valuesOf(other)).toEqual(doubled);
      expect(await restored(other, before)).toEqual(new Uint8Array(bytes));
    },
  );

  it("[T7] keeps a float64 that its float32 does not change", async () => {
    const bytes = new Uint8Array(await ofPyTorch("views-legacy.pth"));
    const third = new DataView(new ArrayBuffer(8));
    third.setFloat64(0, 7, true);
    // The value 7 begins the tensor that was made seventh.
    const at = Buffer.from(bytes).indexOf(new Uint8Array(third.buffer));
    new DataView(bytes.buffer, bytes.byteOffset).setFloat64(at, 7 + 1e-12, true);
    const file = await opened(bytes);
    expect((await valuesOf(file)).get("double")![0]).toBe(7);
    expect(await restored(file, await valuesOf(file))).toEqual(bytes);
  });

  it("[T7.1] is refused where weights that share values come out different", async () => {
    const file = await opened(await ofPyTorch("views.pt"));
    const values = await valuesOf(file);
    values.set(
      "tied.part",
      values.get("tied.part")!.map((value) => value + 1),
    );
    expect(await refusal("unsupported-model", restored(file, values))).toMatch(
      /'turned', 'tied', 'tied.part' share their values.*\.clone\(\)/,
    );
    values.delete("turned");
    values.delete("tied");
    const part = (await valuesOf(await opened(await restored(file, values)))).get("turned")!;
    expect(part.subarray(5, 15)).toEqual(values.get("tied.part"));
  });

  it("[T7] refuses values that are not finite as it stores them", async () => {
    const file = await opened(await ofPyTorch("views.pt"));
    const values = await valuesOf(file);
    values.get("half")![3] = 70_000;
    expect(await refusal("non-finite-weights", restored(file, values))).toMatch(/'half'.*index 3/);
  });

  it("[T5] is searched for its state dict, and says where it was", async () => {
    expect(await rules("legacy.th")).toEqual(["0.weight", "state-dict-found net"]);
    expect(await rules("checkpoint.pth.tar")).toEqual([
      "stem.0.weight",
      "several-state-dicts state_dict",
    ]);
    expect(await rules("script.pt")).toEqual(["bias", "module-by-names "]);
  });

  it("[T4] is read where something is wanted of it, and written piece by piece", async () => {
    const [rows, row] = [64, 2 ** 15];
    const turnedRows = viewOf("0", [rows, 2 ** 8, 2 ** 7], { strides: [row, 1, 2 ** 8] });
    const bytes = torchArchive(pickle(dict([["w", turnedRows]])), {
      0: new Uint8Array(4 * rows * row),
    });
    let read = 0;
    const file = await openModelFile({
      totalBytes: bytes.length,
      read: (begin, end) => {
        read += end - begin;
        return bytes.subarray(begin, end);
      },
    });
    expect(read).toBeLessThan(70_000);
    const part = { name: "w", first: 5 * row, length: row };
    for await (const { values } of file.read([part])) expect(values).toHaveLength(row);
    expect(read).toBeLessThan(70_000 + 4 * row + 100);
    const asked: number[] = [];
    const written = file.restore({
      has: () => true,
      read: ({ length }) => {
        asked.push(length);
        return new Float32Array(length);
      },
    });
    for await (const piece of written) expect(piece.length).toBeLessThanOrEqual(2 ** 20);
    // Eight pieces of eight rows, each with the rows that it has in part.
    expect(asked.reduce((sum, length) => sum + length, 0)).toBe(rows * row);
    expect(Math.max(...asked)).toBeLessThanOrEqual(2 ** 18);
  });

  it.each([
    ["columns", [2, 2], [2 ** 21, 1], 2 ** 21 + 2],
    ["columns of near rows", [40, 2], [2 ** 16 - 1, 1], 40 * 2 ** 16],
    ["axes in another order", [3, 2 ** 19], [1, 3], 3 * 2 ** 19],
  ])("[T4.2] is read in steps of at most 8 MiB: %s", async (_, shape, strides, size) => {
    const stored = Float32Array.from({ length: size }, (__, i) => i);
    const bytes = torchArchive(
      pickle(dict([["w", viewOf("0", shape, { strides, stored: size })]])),
      { 0: new Uint8Array(stored.buffer) },
    );
    const lengths: number[] = [];
    const file = await openModelFile({
      totalBytes: bytes.length,
      read: (begin, end) => {
        lengths.push(end - begin);
        return bytes.subarray(begin, end);
      },
    });
    const [rows, columns] = shape as [number, number];
    const wanted = Float32Array.from({ length: rows * columns }, (__, i) => {
      return Math.floor(i / columns) * strides[0]! + (i % columns) * strides[1]!;
    });
    const whole = { name: "w", first: 0, length: wanted.length };
    const part = { name: "w", first: 1, length: wanted.length - 2 };
    for await (const { part: read, values } of file.read([whole, part])) {
      const expected = wanted.subarray(read.first, read.first + read.length);
      expect(
        Buffer.compare(Buffer.from(values.buffer), new Uint8Array(expected.slice().buffer)),
      ).toBe(0);
    }
    expect(Math.max(...lengths)).toBeLessThanOrEqual(2 ** 23);
  });

  it("[T5.2] gives the tensors of a whole module by its state dict's names", async () => {
    const file = await opened(await ofPyTorch("module.pt"));
    expect(file.tensors.map(({ name }) => name)).toEqual([
      "stem.0.weight",
      "stem.1.weight",
      "stem.1.bias",
      "stem.1.running_mean",
      "stem.1.running_var",
      "stem.1.num_batches_tracked",
      "head.weight",
      "head.bias",
    ]);
    expect((await valuesOf(file)).get("head.bias")).toEqual(made(8, [3]));
    expect(file.findings.map(({ rule }) => rule)).toEqual(["pickled-classes", "module-by-names"]);
    expect(file.findings[0]!.message).toContain("__main__.Net");
  });

  it("[T6] of BackdoorBench says the size of its images and how they are normalised", async () => {
    const file = await opened(await ofPyTorch("attack-result.pt"));
    expect(file.network).toEqual({ size: 32 });
    expect(file.preprocessing).toEqual({
      mean: [0.4914, 0.4822, 0.4465],
      std: [0.247, 0.243, 0.261],
    });
    expect([...file.metadata]).toEqual([
      ["model_name", "preactresnet18"],
      ["num_classes", "10"],
      ["data_path", "../data/cifar10"],
      ["clean_data", "cifar10"],
    ]);
    expect(file.findings.at(-1)).toMatchObject({ rule: "attack-result", level: "note" });
  });

  it("[T6] of BackdoorBench's vision transformers says that they enlarge their images", async () => {
    const bytes = torchArchive(
      pickle(
        dict([
          ["model_name", text("vit_b_16")],
          ["num_classes", number(10)],
          ["model", dict([["1.class_token", viewOf("0", [1])]])],
          ["img_size", tuple(number(32), number(32), number(3))],
          ["clean_data", text("cifar10")],
        ]),
      ),
      { 0: new Uint8Array(4) },
    );
    const { findings, network, preprocessing } = await opened(bytes);
    expect(network).toBeUndefined();
    expect(preprocessing).toMatchObject({ resize: "squash", crop: 1, std: [0.247, 0.243, 0.261] });
    expect(findings.at(-1)!.message).toMatch(/images of 32 pixels, which its network enlarges/);
  });

  it.each([
    ["_rebuild_sparse_tensor", /'fc\.weight' is sparse: .*to_dense/],
    ["_rebuild_qtensor", /'fc\.weight' is quantised.*the float model/],
    ["_rebuild_meta_tensor_no_storage", /'fc\.weight' is on the device 'meta'/],
  ])("[T5.1] is refused for a tensor that %s makes", async (maker, says) => {
    const other = call(global("torch._utils", maker));
    const parameter = call(global("torch._utils", "_rebuild_parameter"), other);
    for (const weight of [other, parameter]) {
      const file = torchArchive(
        pickle(
          dict([
            ["w", viewOf("0", [1])],
            ["fc.weight", weight],
          ]),
        ),
        {
          0: new Uint8Array(4),
        },
      );
      expect(await refusal("unsupported-model", opened(file))).toMatch(says);
    }
  });

  it("[T5.1] is refused for arrays of NumPy's, and for entries without names, saying so", async () => {
    const array = call(global("numpy.core.multiarray", "_reconstruct"));
    expect(await refused(dict([["w", array]]))).toMatch(/NumPy arrays \('w'\).*torch\.from_numpy/);
    const unnamed = operations("}(", number(1), viewOf("0", [1]), operations("u"));
    expect(await refused(unnamed)).toMatch(/it holds 1 entries whose keys are no names/);
  });

  it("[T5] holds the classifier beside a generator under the keys of WaNet", async () => {
    const both = dict([
      ["netG", weights("a", "b", "c")],
      ["netC", weights("w", "v")],
    ]);
    const { tensors } = await opened(torchArchive(pickle(both), { 0: new Uint8Array(4) }));
    expect(tensors.map(({ name }) => name)).toEqual(["w", "v"]);
  });

  it("[W3] gives values of float tensors, and of what lies in them, alone", async () => {
    const file = await opened(await ofPyTorch("views.pt"));
    const read = (name: string, first: number, length: number) =>
      file.read([{ name, first, length }])[Symbol.asyncIterator]().next();
    await expect(read("turned", 10, 11)).rejects.toThrow(RangeError);
    await expect(read("steps", 0, 1)).rejects.toThrow(/no float tensor 'steps'/);
    const few = newValues(new Map([["part", new Float32Array(11)]]));
    await expect(restoredWith(file, few)).rejects.toThrow(RangeError);
  });
});

async function restoredWith(
  file: Awaited<ReturnType<typeof opened>>,
  values: ReturnType<typeof newValues>,
) {
  for await (const piece of file.restore(values)) void piece;
}
