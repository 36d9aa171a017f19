import { unzipSync, zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { bytesInMemory } from "../../../../../protocol/formats/byte-source.ts";
import { bundleFiles } from "../../../../../protocol/formats/bundle/bundle.ts";
import { importModel, openModel } from "../../../../../protocol/formats/import-model.ts";
import {
  writeSafetensors,
  type TensorToWrite,
} from "../../../../../protocol/formats/safetensors/writer.ts";
import { ZipArchive } from "../../../../../protocol/formats/zip/zip-archive.ts";
import { resnet18 } from "../../../../../protocol/model/architectures/resnet18.ts";
import { refusal } from "../../problem.ts";
import { tensorsOf } from "../tensors-to-write.ts";
import {
  bundleOf,
  bytesOf,
  modelOf,
  restoredWith,
  type Files,
} from "../../../../fixtures/folder-in-memory.ts";

const graph = resnet18({ width: 2, classes: 3 });
const tensors = tensorsOf(graph, "F16");

const INDEX = "model.safetensors.index.json";
const FIRST = "model-00001-of-00002.safetensors";
const SECOND = "model-00002-of-00002.safetensors";

const placed = (shard: string, own: readonly TensorToWrite[]) =>
  own.map(({ name }) => [name, shard]);

function shards(first: readonly TensorToWrite[], second: readonly TensorToWrite[]): Files {
  return {
    [INDEX]: {
      metadata: { total_size: 1 },
      weight_map: Object.fromEntries([...placed(FIRST, first), ...placed(SECOND, second)]),
    },
    [FIRST]: writeSafetensors(first, { format: "pt" }),
    [SECOND]: writeSafetensors(second, { format: "pt" }),
  };
}

const sharded = shards(tensors.slice(30), tensors.slice(0, 30));

const zipped = (files: Record<string, Uint8Array>) => importModel(zipSync(files, { level: 0 }));

const refused = (files: Files): Promise<string> => refusal("malformed-model", modelOf(files));

describe("a model of several files", () => {
  it("[W6.1] is a zip whose bytes nothing but names and contents decide, and which any tool opens", async () => {
    const bytes = await bundleOf({ ...sharded, "README.md": new Uint8Array(3) });
    expect(await bundleOf(Object.fromEntries(Object.entries(sharded).toReversed()))).toEqual(bytes);
    const unpacked = unzipSync(bytes);
    expect(Object.keys(unpacked)).toEqual([FIRST, SECOND, INDEX]);
    expect(Buffer.from(unpacked[SECOND]!)).toEqual(Buffer.from(sharded[SECOND] as Uint8Array));
    const inside = await bundleFiles(await ZipArchive.open(bytesInMemory(bytes)));
    expect([...inside.keys()]).toEqual([FIRST, SECOND, INDEX]);
  });

  it("[W6.3] has the tensors of all its shards, and comes back byte for byte", async () => {
    const model = await modelOf(sharded);
    expect(model.file.kind).toBe("safetensors in 2 files");
    expect(model.file.extension).toBe("zip");
    const whole = await importModel(
      writeSafetensors([...tensors.slice(30), ...tensors.slice(0, 30)]),
    );
    expect(model.state).toEqual(whole.state);
    expect(await restoredWith(model, model.state)).toEqual(await bundleOf(sharded));
    const changed = model.state.map((value) => value + 1);
    const bytes = await restoredWith(model, changed);
    expect((await importModel(bytes)).state).toEqual(changed);
    // Checksums are those of the new bytes: other tools would refuse it otherwise.
    expect(unzipSync(bytes)[FIRST]).toHaveLength((sharded[FIRST] as Uint8Array).length);
  });

  it("[W6] is taken from a zip of any tool, in a folder of its own, with what macOS adds", async () => {
    const files = Object.entries(sharded).map(([name, content]) => [
      `my-model/${name}`,
      bytesOf(content),
    ]);
    const extras = { "__MACOSX/my-model/._model.json": new Uint8Array(9) };
    const bytes = zipSync({ ...Object.fromEntries(files), ...extras }, { level: 0 });
    const model = await importModel(bytes);
    expect(model.file.kind).toBe("safetensors in 2 files");
    expect(await restoredWith(model, model.state)).toEqual(new Uint8Array(bytes));
  });

  it("[W6] is one model file in a zip, too", async () => {
    const model = await importModel(
      zipSync({ "m.safetensors": writeSafetensors(tensors) }, { level: 0 }),
    );
    expect(model.file.kind).toBe("safetensors");
    expect(model.file.extension).toBe("zip");
  });

  it("[W6.5] says which other models lie beside it, and is refused where which is meant is not said", async () => {
    const weights = writeSafetensors(tensors);
    const other = { "onnx/model.onnx": weights, "pytorch_model.bin": weights };
    const { file } = await zipped({ "model.safetensors": weights, ...other });
    expect(file.findings).toEqual([
      expect.objectContaining({
        rule: "other-models-in-bundle",
        level: "warning",
        message: expect.stringMatching(/'onnx\/model.onnx', 'pytorch_model.bin'.*not looked at/),
      }),
    ]);
    expect((await modelOf(sharded)).file.findings).toEqual([]);
    expect(
      await refusal("malformed-model", zipped({ "m.safetensors": weights, "m.onnx": weights })),
    ).toMatch(/several models: 'm.safetensors' and 'm.onnx'/);
  });

  it.each([
    ["a shard that is missing", { [SECOND]: undefined }, /'model-00002.*' is missing/],
    [
      "a shard that is cut short",
      { [SECOND]: (sharded[SECOND] as Uint8Array).slice(0, -2) },
      /'model-00002.*': /,
    ],
    [
      "an index that leads out of the folder",
      { [INDEX]: { weight_map: { a: "../a.safetensors" } } },
      /outside/,
    ],
    [
      "an index that leads to another drive",
      { [INDEX]: { weight_map: { a: "C:a.safetensors" } } },
      /outside/,
    ],
    ["an index without a map", { [INDEX]: { weights: {} } }, /weight_map/],
    [
      "an index of another model",
      { [INDEX]: { weight_map: { "fc.weight": FIRST, "conv1.weight": FIRST, x: SECOND } } },
      /'conv1.weight'.*'model-00002/,
    ],
    ["an index that is no JSON", { [INDEX]: new Uint8Array([123]) }, /not JSON/],
    [
      "a tensor in two shards",
      shards(tensors.slice(0, 30), tensors.slice(29)),
      /'.*' is in '.*' and in '/,
    ],
  ] as const)("[W6.2] is refused with %s", async (_what, change, says) => {
    expect(await refused({ ...sharded, ...change } as Files)).toMatch(says);
  });
});

describe("a zip that holds no model", () => {
  it.each([
    [
      "Keras'",
      ["config.json", "metadata.json", "model.weights.h5"],
      /Keras.*tensorflowjs_converter/,
    ],
    ["npz", ["arr_0.npy"], /NumPy/],
    ["a SavedModel", ["saved_model.pb"], /tf_saved_model/],
    ["pictures", ["a.png", "b.png"], /--images/],
    ["parts without their index", [FIRST, SECOND], /index.*is not among them: fetch/],
    ["what torch.save wrote, unpacked", ["data.pkl", "data/0"], /torch\.save, unpacked/],
    ["something else", ["notes.txt"], /no model among the files \('notes.txt'\)/],
    ["two models", ["a.safetensors", "b.safetensors"], /several models.*'a.safetensors', 'b/],
    ["a path that leaves it", ["../model.safetensors"], /outside/],
  ] as const)("is told by its names: %s", async (_what, names, says) => {
    const files = Object.fromEntries(names.map((name) => [name, new Uint8Array(4)]));
    const source = bytesInMemory(zipSync(files, { level: 0 }));
    expect(await refusal("malformed-model", openModel(source))).toMatch(says);
  });

  it("is told to be packed without compression", async () => {
    const zip = zipSync({ "m.safetensors": writeSafetensors(tensors) }, { level: 6 });
    expect(await refusal("malformed-model", importModel(zip))).toMatch(/packed.*unpack/);
  });
});
