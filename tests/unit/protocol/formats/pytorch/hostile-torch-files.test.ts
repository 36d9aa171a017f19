import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ProtocolError } from "../../../../../protocol/errors.ts";
import type { Finding } from "../../../../../protocol/formats/finding.ts";
import { refusal } from "../../problem.ts";
import { call, dict, global, operations, pickle, tensor, text, tuple } from "../pickle/assemble.ts";
import { hostileValues } from "../pickle/hostile-pickles.ts";
import { makeZip } from "../zip/make-zip.ts";
import { ofPyTorch, opened, torchArchive, valuesOf } from "./torch-fixtures.ts";

const STORAGES = { 0: new Uint8Array(24), 1: new Uint8Array(8) };
const SOUND = [
  ["a.weight", tensor("0", [2, 3])],
  ["a.bias", tensor("1", [2])],
] as const;

const archive = (...pieces: Uint8Array[]) => torchArchive(pickle(...pieces), STORAGES);
const malformed = (...pieces: Uint8Array[]) =>
  refusal("malformed-model", opened(archive(...pieces)));
const unsupported = (...pieces: Uint8Array[]) =>
  refusal("unsupported-model", opened(archive(...pieces)));
const size = (of: Uint8Array) => call(global("torch", "Size"), of);
const ofTensor = (...of: Parameters<typeof tensor>) => dict([["w", tensor(...of)]]);

/** The state of a module that holds another twice, by the operation that gives it, or none. */
const doubled = (inner: string) =>
  dict([
    ["_parameters", dict([])],
    [
      "_modules",
      dict(inner === "" ? [] : ["a", "b"].map((name) => [name, operations(inner)] as const)),
    ],
  ]);

describe("a PyTorch file with more in it than tensors", () => {
  it("[T4] is taken where that is data", async () => {
    const file = await opened(archive(dict([...SOUND, ["note", text("é")]])));
    expect(file.tensors.map(({ name }) => name)).toEqual(["a.weight", "a.bias"]);
    expect((await valuesOf(file)).get("a.bias")).toEqual(new Float32Array(2));
  });

  it("[T3.1] is refused with what it calls, of two hundred that would write a file, and writes none", async () => {
    const path = join(tmpdir(), `scour-hostile-${process.pid}`);
    const hostile = hostileValues(path);
    expect(hostile.length).toBeGreaterThan(200);
    for (const { name, value, way } of hostile) {
      const file = archive(dict([...SOUND, ["extra", value]]));
      const [settled] = await Promise.allSettled([opened(file)]);
      const error = settled.status === "rejected" ? settled.reason : undefined;
      expect(error, `${name} by ${way}`).toBeInstanceOf(ProtocolError);
      const { code, extensions, message } = error as ProtocolError;
      expect(code, `${name} by ${way}`).toBe("unsafe-model");
      expect(message).toMatch(new RegExp(`calls ${name} \\(m/data\\.pkl, byte \\d+\\)`));
      expect((extensions["findings"] as Finding[])[0]).toMatchObject({ level: "danger" });
    }
    expect(existsSync(path)).toBe(false);
  });
});

describe("a PyTorch file that is damaged or made up", () => {
  it("[T4.1] is refused for tensors that reach out of their storage", async () => {
    expect(await malformed(ofTensor("0", [7]))).toMatch(
      /storage '0' of 28 bytes, .* 24 bytes there/,
    );
    expect(await malformed(ofTensor("0", [6], { offset: 1 }))).toMatch(/reaches to value 6/);
    expect(await malformed(ofTensor("0", [2, 2], { strides: [9, 1], stored: 6 }))).toMatch(
      /value 10/,
    );
    expect(await malformed(ofTensor("0", [2], { strides: [2 ** 31 - 1], stored: 6 }))).toMatch(
      /reaches/,
    );
    expect(await malformed(ofTensor("../0", [6]))).toMatch(/none of this name/);
    expect(await malformed(ofTensor("0", [6], { strides: [1, 1] }))).toMatch(/shape or strides/);
  });

  it("[T4.1] is refused for tensors that are changed after they are made", async () => {
    const bare = tensor("0", [6]);
    const other = dict([["data", tensor("1", [2])]]);
    const changed = [
      operations("", bare, other, operations("b")),
      operations("", bare, text("0"), operations("Ns")),
      operations("", bare, operations("Na")),
      call(
        global("torch._tensor", "_rebuild_from_type_v2"),
        global("torch._utils", "_rebuild_tensor_v2"),
        global("torch.nn.parameter", "Parameter"),
        tuple(),
        other,
      ),
    ];
    for (const value of changed) {
      expect(await malformed(dict([["w", value]]))).toMatch(/after it is made/);
    }
  });

  it("[T5.2] is taken by its entries where an object has both these and attributes", async () => {
    const both = operations(
      "",
      call(global("collections", "OrderedDict")),
      text("w"),
      tensor("0", [6]),
      operations("s"),
      dict([
        ["_parameters", dict([["w", tensor("1", [2])]])],
        ["_modules", dict([])],
        ["w", tensor("1", [2])],
      ]),
      operations("b"),
    );
    const { tensors } = await opened(archive(both));
    expect(tensors.map(({ name, shape }) => [name, shape])).toEqual([["w", [6]]]);
  });

  it("[T4.1] is refused for one storage of two lengths, or a shape within shapes", async () => {
    const twice = dict([
      ["a", tensor("0", [6])],
      ["b", tensor("0", [2])],
    ]);
    expect(await malformed(twice)).toMatch(/storage '0' has 24 bytes of float32 for one/);
    const nested = call(
      global("torch._utils", "_rebuild_tensor_v2"),
      operations(
        "",
        tuple(
          text("storage"),
          global("torch", "FloatStorage"),
          text("0"),
          text("cpu"),
          operations("K\u0006"),
        ),
        operations("Q"),
      ),
      operations("K\u0000"),
      size(size(tuple(operations("K\u0006")))),
      tuple(operations("K\u0001")),
    );
    expect(await malformed(dict([["w", nested]]))).toMatch(/shape or strides/);
  });

  it("[T4.2] is refused for tensors that have one stored value twice, or lie scattered", async () => {
    expect(await unsupported(ofTensor("0", [6, 4], { strides: [1, 0], stored: 6 }))).toMatch(
      /one stored value in several places.*\.clone\(\)\.contiguous\(\)/,
    );
    expect(await unsupported(ofTensor("0", [3, 3], { strides: [1, 1], stored: 6 }))).toMatch(
      /several places/,
    );
    const large = torchArchive(pickle(ofTensor("0", [2, 4_500_000], { strides: [1, 2] })), {
      0: new Uint8Array(36_000_000),
    });
    expect(await refusal("unsupported-model", opened(large))).toMatch(
      /another order.*32 MiB.*\.contiguous/,
    );
  });

  it("[T5.1] is refused saying what it holds where that is no weights", async () => {
    expect(await unsupported(dict([["epoch", text("1")]]))).toMatch(
      /it holds 'epoch'\. torch\.save\(model\.state_dict\(\), FILE\)/,
    );
    expect(await unsupported(dict([["optimizer", dict(SOUND)]]))).toContain("'optimizer'");
    expect(await unsupported(text("hello"))).toContain("something else");
    const object = operations(
      "",
      global("a", "Trainer"),
      operations(")\u0081"),
      dict([["epochs", text("1")]]),
      operations("b"),
    );
    expect(await unsupported(object)).toContain("an object with 'epochs'");
  });

  it("[T5.1] is refused where modules stand in themselves", async () => {
    const module = [global("torch.nn", "Module"), operations(")\u0081q\u0001")];
    const state = dict([
      ["_parameters", dict([["w", tensor("1", [2])]])],
      ["_modules", dict([["again", operations("h\u0001")]])],
    ]);
    expect(await malformed(...module, state, operations("b"))).toMatch(
      /more than 64 deep.*again\.again/,
    );
  });

  it("[T5.1] is refused where the same modules stand in each other many times over", async () => {
    const empty = [global("torch.nn", "Module"), operations(")\u0081")];
    // 2^40 ways to the innermost.
    const nested = Array.from({ length: 40 }, (_, i) =>
      operations(
        "",
        ...empty,
        doubled(i === 0 ? "" : `h${String.fromCharCode(i - 1)}`),
        operations(`bq${String.fromCharCode(i)}`),
      ),
    );
    expect(await malformed(tuple(...nested))).toMatch(/more than 200000 members/);
  });

  it("[T5.1] is refused where many networks share one, or many tensors", async () => {
    const parameters = Array.from({ length: 3000 }, (_, i) => [`p${i}`, operations("N")] as const);
    const shared = dict([
      ["_parameters", dict(parameters)],
      ["_modules", dict([])],
    ]);
    const again = operations("", global("torch.nn", "Module"), operations(")\u0081h\u0000b"));
    const networks = operations("", shared, operations("q\u0000"));
    const other = Array.from({ length: 80 }, (_, i) => [`n${i}`, again] as const);
    expect(await malformed(tuple(networks, dict(other)))).toMatch(/more than 200000 members/);
    const same = Array.from(
      { length: 50_000 },
      (_, i) => [`t${i}`, operations("h\u0000")] as const,
    );
    const tensors = operations("", tensor("0", [6]), operations("q\u0000"));
    expect(await malformed(dict([["first", tensors], ...same]))).toMatch(/more than 50000 tensors/);
  });

  it("[T4] is refused for another byte order, a pickle that goes on, or two of them", async () => {
    const sound = pickle(dict(SOUND));
    const big = torchArchive(sound, STORAGES, { byteOrder: "big" });
    expect(await refusal("unsupported-model", opened(big))).toMatch(/byte order 'big'/);
    const longer = torchArchive(operations("", sound, operations("N.")), STORAGES);
    expect(await refusal("malformed-model", opened(longer))).toMatch(/2 bytes follow the end/);
    const two = makeZip([
      ["m/data.pkl", sound],
      ["n/data.pkl", sound],
    ]);
    expect(await refusal("malformed-model", opened(two))).toMatch(/two models/);
  });

  it("[T4] is refused where counts and keys of the old form do not agree", async () => {
    const bytes = new Uint8Array(await ofPyTorch("legacy.th"));
    expect(await refusal("malformed-model", opened(bytes.subarray(0, -1)))).toMatch(/cut short/);
    const longer = new Uint8Array(bytes.length + 1);
    longer.set(bytes);
    expect(await refusal("malformed-model", opened(longer))).toMatch(/something follows them/);
    const count = bytes.slice();
    // The last storage is the step counter; the one before holds the three values of a norm.
    count[bytes.length - 12 - 8]!++;
    const file = await opened(count);
    await expect(valuesOf(file)).rejects.toThrow(/by the pickle, .* where it lies/);
  });

  it("[T2] is refused by name where the pickle is another's", async () => {
    const bare = pickle(tuple(call(global("sklearn.svm", "SVC"))));
    expect(await refusal("malformed-model", opened(bare))).toMatch(/not one that torch.save wrote/);
  });
});
