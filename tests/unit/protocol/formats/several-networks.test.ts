import { beforeAll, describe, expect, it } from "vitest";
import { bytesInMemory } from "../../../../protocol/formats/byte-source.ts";
import { openModel, readState, restoreModel } from "../../../../protocol/formats/import-model.ts";
import type { OpenModel } from "../../../../protocol/formats/open-model.ts";
import { writeSafetensors } from "../../../../protocol/formats/safetensors/writer.ts";
import type { NamedTensor } from "../../../../protocol/model/named-tensor.ts";
import type { NetworkSettings } from "../../../../protocol/model/network-settings.ts";
import { otherReadings } from "../../../../protocol/model/readings.ts";
import { sizeOf } from "../../../../protocol/model/values.ts";
import { readFixture } from "../../../fixtures/architectures/read-fixture.ts";
import { bundleOf } from "../../../fixtures/folder-in-memory.ts";
import { refusal } from "../problem.ts";
import { dict, pickle, tensor as viewOf } from "./pickle/assemble.ts";
import { torchArchive } from "./pytorch/torch-fixtures.ts";

/** A network in a file: what stands before its names, and by how much its values differ from others'. */
interface Placed {
  readonly under: string;
  readonly tensors: readonly NamedTensor[];
  readonly more?: number;
}

let vgg: readonly NamedTensor[];
let resnet: readonly NamedTensor[];

beforeAll(async () => {
  vgg = (await readFixture("vgg11-chengyangfu")).tensorsInFile;
  resnet = (await readFixture("resnet18-bcu")).tensorsInFile;
});

const plain = (name: string, shape: readonly number[]): NamedTensor => ({
  name,
  shape,
  dtype: "F32",
  values: "floats",
});

/** What makes triggers: more tensors than twice those of the classifier, and no layer for classes. */
const generator = Array.from({ length: 60 }, (_, k) => plain(`down.${k}.weight`, [2, 2, 3, 3]));

const MEAN = [0.5, 0.25, 0.125];

function valuesOf({ name, shape }: NamedTensor, more = 0): Float32Array {
  const length = sizeOf(shape);
  if (length === 3 && (name === "mean" || name === "std")) return Float32Array.from(MEAN);
  return Float32Array.from({ length }, (_, i) => ((i + name.length) % 9) + more);
}

/** One list of names, as a module of several has it. */
function inOneList(...placed: readonly Placed[]): Uint8Array {
  return writeSafetensors(
    placed.flatMap(({ more, tensors, under }) =>
      tensors.map((one) => ({
        name: under + one.name,
        shape: one.shape,
        dtype: "F32" as const,
        values: valuesOf(one, more),
      })),
    ),
  );
}

/** State dicts beside each other, each tensor in a storage of its own or, with `shared`, of another's. */
function inDicts(placed: readonly (Placed & { readonly shared?: boolean })[]): Uint8Array {
  const storages: Record<string, Uint8Array> = {};
  let keys = 0;
  const dicts = placed.map(({ more, shared, tensors, under }) => {
    if (shared === true) keys = 0;
    const views = tensors.map((one) => {
      const key = String(keys++);
      storages[key] = new Uint8Array(valuesOf(one, more).buffer);
      return [one.name, viewOf(key, one.shape)] as const;
    });
    return [under, dict(views)] as const;
  });
  return torchArchive(pickle(dict(dicts)), storages);
}

const opened = (bytes: Uint8Array, network: NetworkSettings = {}): Promise<OpenModel> =>
  openModel(bytesInMemory(bytes), network);

/** The file with all of the model's values one more. */
async function trained(model: OpenModel): Promise<Uint8Array> {
  const state = (await readState(model, 0, model.layout.length)).map((value) => value + 1);
  return await written(model, state);
}

async function written(model: OpenModel, state: Float32Array): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  const pieceOf = (from: number, length: number) => state.subarray(from, from + length);
  for await (const piece of restoreModel(model, pieceOf)) pieces.push(piece.slice());
  return Buffer.concat(pieces);
}

const first = async (bytes: Uint8Array, prefix: string): Promise<number> => {
  const [value] = await readState(await opened(bytes, { prefix }), 0, 1);
  return value!;
};

describe("a file of several networks", () => {
  it("[G5] gives the classifier, however small beside what makes its triggers", async () => {
    const placed = [
      { under: "netG", tensors: generator },
      { under: "netC", tensors: vgg },
      { under: "netM", tensors: generator, more: 1 },
    ];
    const apart = inDicts(placed);
    const model = await opened(apart);
    expect(model.graph.architecture).toBe("vgg11-32");
    expect(model.network.prefix).toBe("netC.");
    const together = inOneList(
      ...placed.map(({ more = 0, tensors, under }) => ({ under: `${under}.`, tensors, more })),
    );
    const same = await opened(together);
    expect(same.network).toEqual(model.network);
    expect(otherReadings(same.file.tensors, same).length).toBeGreaterThan(0);
    for (const [bytes, { file }] of [
      [apart, model],
      [together, same],
    ] as const) {
      const told = file.findings.find(({ rule }) => rule === "several-state-dicts");
      if (bytes === apart) expect(told?.message).toMatch(/'netC'; 'netG', 'netM' hold others/);
      else expect(file.findings).toMatchObject([{ rule: "state-dict-found", where: "netC." }]);
      const again = await opened(bytes, { prefix: "netC" });
      expect(again.graph).toEqual((await opened(bytes)).graph);
      const state = await readState(again, 0, again.layout.length);
      expect(Buffer.compare(await written(again, state), bytes)).toBe(0);
    }
  });

  it.each(["in one list", "in storages of their own", "in the same storages"] as const)(
    "[G5.2] that is one network twice is trained once and written in both places: %s",
    async (how) => {
      const twice = [
        { under: "model", tensors: resnet },
        { under: "attacker", tensors: resnet, shared: how === "in the same storages" },
      ];
      const bytes =
        how === "in one list"
          ? inOneList(
              { under: "module.normalizer.new_", tensors: [plain("mean", [3]), plain("std", [3])] },
              { under: "module.model.", tensors: resnet },
              {
                under: "module.attacker.normalize.new_",
                tensors: [plain("mean", [3]), plain("std", [3])],
              },
              { under: "module.attacker.model.", tensors: resnet },
            )
          : inDicts(twice);
      const model = await opened(bytes);
      const [one, other] =
        how === "in one list"
          ? ["module.model.", "module.attacker.model."]
          : ["model.", "attacker."];
      expect(model.network.prefix).toBe(one);
      expect(model.file.findings.map(({ rule }) => rule)).toContain("network-twice");
      if (how === "in one list") expect(model.preprocessing).toMatchObject({ mean: MEAN });
      const before = await first(bytes, one);
      for (const prefix of [undefined, one, other]) {
        const chosen = await opened(bytes, prefix === undefined ? {} : { prefix });
        const out = await trained(chosen);
        expect(out).toHaveLength(bytes.length);
        expect(await first(out, one)).toBe(before + 1);
        expect(await first(out, other)).toBe(before + 1);
      }
      const state = await readState(model, 0, model.layout.length);
      expect(Buffer.compare(await written(model, state), bytes)).toBe(0);
    },
  );

  it.each(["in one list", "in dicts"] as const)(
    "[G5.1] is refused where several could be it, and takes the one that is named: %s",
    async (how) => {
      const dot = how === "in one list" ? "." : "";
      const placed = [
        { under: `first${dot}`, tensors: vgg },
        { under: `second${dot}`, tensors: vgg, more: 1 },
        { under: `third${dot}`, tensors: resnet },
      ];
      const bytes = how === "in one list" ? inOneList(...placed) : inDicts(placed);
      const told = await refusal("malformed-request", opened(bytes));
      expect(told).toMatch(/several networks that differ: .*with the setting network\.prefix/);
      expect(told).toMatch(/'first\.' \(vgg11-32, 5 classes, \d+ weights\), 'second\.' \(vgg/);
      expect(told).toMatch(/'third\.' \(resnet18-32, 5 classes, \d+ weights\)/);
      expect(await refusal("malformed-request", opened(bytes, { prefix: "fourth" }))).toMatch(
        /'fourth\.'.*it has .*'first\.', 'second\.'/,
      );
      const model = await opened(bytes, { prefix: "second" });
      expect(model.network.prefix).toBe("second.");
      const out = await trained(model);
      expect(await first(out, "second.")).toBe((await first(bytes, "second.")) + 1);
      expect(await first(out, "first.")).toBe(await first(bytes, "first."));
    },
  );

  it.each(["in one list", "in dicts"] as const)(
    "[G5.4] sees pictures as its own buffers say, not as another's do: %s",
    async (how) => {
      const buffers = [plain("normalize.mean", [3]), plain("normalize.std", [3])];
      const dot = how === "in one list" ? "." : "";
      const make = how === "in one list" ? inOneList : (...all: Placed[]) => inDicts(all);
      const beside = [...generator, ...buffers];
      const attacked = make(
        { under: `netC${dot}`, tensors: vgg },
        { under: `netG${dot}`, tensors: beside, more: 7 },
      );
      const { file, network } = await opened(attacked);
      expect(network.prefix).toBe("netC.");
      expect(file.preprocessing).toBeUndefined();
      const two = make(
        { under: `first${dot}`, tensors: [...buffers, ...vgg], more: 1 },
        { under: `second${dot}`, tensors: [...buffers, ...vgg], more: 2 },
      );
      // Names of equal length: "normalize.mean" begins with 14 % 9 = 5.
      expect((await opened(two, { prefix: "first" })).preprocessing).toMatchObject({
        mean: [6, 7, 8],
      });
      expect((await opened(two, { prefix: "second" })).preprocessing).toMatchObject({
        mean: [7, 8, 9],
      });
    },
  );

  it("[W6.3] [W6.4] comes back as the bundle that it is in, with what lies beside it", async () => {
    const placed = [
      { under: "state_dict_ema", tensors: vgg, more: 1 },
      { under: "state_dict", tensors: vgg },
    ];
    const bundle = await bundleOf({
      "pytorch_model.bin": inDicts(placed),
      "config.json": { id2label: { 0: "a", 1: "b", 2: "c", 3: "d", 4: "e" } },
      "preprocessor_config.json": { image_mean: [0.5, 0.5, 0.5], image_std: [0.25, 0.25, 0.25] },
    });
    for (const prefix of [undefined, "state_dict_ema"]) {
      const model = await opened(bundle, prefix === undefined ? {} : { prefix });
      expect(model.file).toMatchObject({
        classNames: ["a", "b", "c", "d", "e"],
        extension: "zip",
        totalBytes: bundle.length,
      });
      expect(model.preprocessing).toMatchObject({ mean: [0.5, 0.5, 0.5] });
      const state = await readState(model, 0, model.layout.length);
      expect(Buffer.compare(await written(model, state), bundle)).toBe(0);
    }
    const twice = await bundleOf({
      "pytorch_model.bin": inDicts([
        { under: "model", tensors: vgg },
        { under: "copy", tensors: vgg },
      ]),
    });
    const out = await trained(await opened(twice));
    expect(await first(out, "copy.")).toBe((await first(twice, "copy.")) + 1);
  });

  it("[G5.2] compares no more values than the file has bytes, and none that no network uses", async () => {
    const size = 2 ** 15;
    const views = (under: string, more: string, from: number) => [
      ...vgg.map(({ name, shape }) => [under + name, viewOf(name, shape)] as const),
      ...Array.from({ length: 300 }, (_, k) => {
        const view = viewOf("more", [size], { offset: from, stored: size + 1 });
        return [`${more}${k}.weight`, view] as const;
      }),
    ];
    const storages = Object.fromEntries([
      ...vgg.map((one) => [one.name, new Uint8Array(valuesOf(one).buffer)] as const),
      ["more", new Uint8Array(4 * (size + 1))],
    ]);
    const file = (under: string, more: string) => {
      const dicts = dict([
        ["model", dict(views(under, more, 0))],
        ["other", dict(views(under, more, 1))],
      ]);
      return torchArchive(pickle(dicts), storages);
    };
    const { findings } = (await opened(file("", "loss_fn."))).file;
    expect(findings.map(({ rule }) => rule)).toContain("network-twice");
    expect(await refusal("unsupported-model", opened(file("netC.", "netG.")))).toMatch(/overlap/);
  });

  it("[G5.5] stands under a prefix that a campaign can say, and is told in few words", async () => {
    const long = `${"x".repeat(300)}.`;
    const bytes = inDicts([
      { under: long, tensors: vgg },
      { under: "netG", tensors: generator },
    ]);
    expect(await refusal("unsupported-model", opened(bytes))).toMatch(/^30\d characters .*key$/);
    const told = await refusal("malformed-request", opened(bytes, { prefix: "none" }));
    expect(told.length).toBeLessThan(400);
  });

  it("[G5.6] is the likeliest by where it stands where a campaign of before says nothing", async () => {
    const bytes = inDicts([
      { under: "teacher", tensors: vgg, more: 1 },
      { under: "model", tensors: vgg },
    ]);
    await refusal("malformed-request", opened(bytes));
    const [taken, named] = [
      await opened(bytes, { prefix: null }),
      await opened(bytes, { prefix: "model" }),
    ];
    expect(await readState(taken, 0, 8)).toEqual(await readState(named, 0, 8));
  });

  it("[G5.1] takes the weights before averages of them", async () => {
    const bytes = inDicts([
      { under: "state_dict_ema", tensors: vgg, more: 1 },
      { under: "state_dict", tensors: vgg },
    ]);
    expect((await opened(bytes)).network.prefix).toBe("state_dict.");
    const inOne = inOneList(
      { under: "ema_model.module.", tensors: vgg, more: 1 },
      { under: "model.", tensors: vgg },
    );
    expect((await opened(inOne)).network.prefix).toBe("model.");
    expect((await opened(bytes, { prefix: "state_dict_ema" })).network.prefix).toBe(
      "state_dict_ema.",
    );
  });

  it("[G5.3] is one network where nobody can tell what the rest is for, unless it is named", async () => {
    const bytes = inOneList(
      { under: "base.", tensors: resnet },
      { under: "after.", tensors: [plain("weight", [3, 10]), plain("bias", [3])] },
    );
    expect(await refusal("unsupported-model", opened(bytes))).toMatch(/network\.prefix/);
    expect((await opened(bytes, { prefix: "base" })).graph.architecture).toBe("resnet18-32");
    expect(
      await refusal(
        "malformed-request",
        opened(inOneList({ under: "a.", tensors: vgg }), { prefix: "a" }),
      ),
    ).toMatch(/leave it out/);
  });
});
