import { describe, expect, it } from "vitest";
import { ProtocolError } from "../../../../../protocol/errors.ts";
import { bytesInMemory } from "../../../../../protocol/formats/byte-source.ts";
import {
  decodeFloats,
  encodeFloats,
  type FloatEncoding,
} from "../../../../../protocol/formats/float-encodings.ts";
import type { Folder } from "../../../../../protocol/formats/bundle/folder.ts";
import { onnxFolder } from "../../../../../protocol/formats/onnx/onnx-folder.ts";
import {
  importModel,
  openModel,
  restoreModel,
} from "../../../../../protocol/formats/import-model.ts";
import { folderOf } from "../../../../fixtures/folder-in-memory.ts";
import { onnxFixture } from "../../../../fixtures/onnx/read-fixture.ts";
import {
  between,
  CONV,
  field,
  FLAT,
  floats,
  HEAD,
  message,
  model,
  node,
  numbers,
  outside,
  POOL,
  tensor,
  WEIGHTS,
  type WrittenTensor,
} from "../../../../fixtures/onnx/write-onnx.ts";
import { refusal } from "../../problem.ts";

const RELU = between(node("Relu", ["c"], "r"));

async function exported(file: Uint8Array, change: (value: number) => number): Promise<Uint8Array> {
  const imported = await importModel(file);
  const state = imported.state.map(change);
  const pieces: Uint8Array[] = [];
  for await (const piece of restoreModel(imported, (from, n) => state.subarray(from, from + n))) {
    pieces.push(piece);
  }
  return new Uint8Array(Buffer.concat(pieces));
}

/** A single number of no shape. */
function scalar(name: string, value: number): WrittenTensor {
  return { ...numbers(name, [value]), dims: [] };
}

/** An attribute of no operation here. */
const attribute = (...values: readonly Uint8Array[]) => field(5, message(field(1, "a"), ...values));

/** A branch with a convolution whose weights are its own. */
const branch = (name: string) =>
  message(
    field(1, node("Conv", ["c", name], "inner", { kernel_shape: [3, 3], pads: [1, 1, 1, 1] })),
    field(5, tensor({ ...floats("w", [4, 4, 3, 3], 3), name })),
    field(12, field(1, "inner")),
  );

const opset = (version: number) => field(8, message(field(1, "ai.onnx"), field(2, version)));

const branched = (name: string) => {
  const choice = message(
    field(1, "one"),
    field(2, "r"),
    field(4, "If"),
    field(5, message(field(1, "then_branch"), field(6, branch(name)), field(20, 5))),
  );
  return model({
    nodes: [CONV, choice, POOL, FLAT, HEAD],
    tensors: [...WEIGHTS, scalar("one", 1)],
  });
};

const refused = (bytes: Uint8Array): Promise<string> =>
  refusal("malformed-model", openModel(bytesInMemory(bytes)));

/** Its weights are multiples: one lies with rows as columns, one in a Constant node. */
function multiples(factor: number): Uint8Array {
  const scaled = (given: WrittenTensor): WrittenTensor => ({
    ...given,
    raw: encodeFloats(
      "F32",
      decodeFloats("F32", given.raw).map((value) => factor * value),
    ),
  });
  const bias = node("Constant", [], "b", {
    value: tensor({ ...scaled(floats("b", [6])), name: "" }),
  });
  return model({
    nodes: [bias, CONV, node("Relu", ["c"], "r"), POOL, FLAT, node("Gemm", ["f", "h", "b"], "y")],
    tensors: [scaled(WEIGHTS[0]), scaled(floats("h", [4, 6]))],
  });
}

describe("an ONNX file", () => {
  it("is told by its first bytes", async () => {
    const { file } = await openModel(bytesInMemory(model(RELU)));
    expect([file.kind, file.extension]).toEqual(["ONNX (opset 13, scour)", "onnx"]);
    await expect(openModel(bytesInMemory(Uint8Array.of(8, 99, 0x3a, 0)))).rejects.toThrow(
      /not ONNX/,
    );
    await expect(openModel(bytesInMemory(Uint8Array.of(8, 8, 99, 0)))).rejects.toThrow(/not ONNX/);
    expect(
      await refusal("malformed-model", openModel(bytesInMemory(Uint8Array.of(8, 8, 0x12, 0)))),
    ).toMatch(/holds no graph/);
  });

  it.each([
    ["float", "F32", false],
    ["float", "F32", true],
    ["float16", "F16", false],
    ["bfloat16", "BF16", false],
    ["double", "F64", false],
    ["double", "F64", true],
  ] as const)(
    "[W8.4] %s weights are replaced where they lie (%s, typed %s)",
    async (type, encoding: FloatEncoding, isTyped) => {
      const weights = RELU.tensors.map(({ name, dims, raw }): WrittenTensor => ({
        name,
        dims,
        type,
        isTyped,
        raw: encodeFloats(encoding, decodeFloats("F32", raw)),
      }));
      const doubled = weights.map((one) => ({
        ...one,
        raw: encodeFloats(
          encoding,
          decodeFloats(encoding, one.raw).map((value) => 2 * value),
        ),
      }));
      const file = model({ ...RELU, tensors: weights });
      expect(await exported(file, (value) => value)).toEqual(file);
      expect(await exported(file, (value) => 2 * value)).toEqual(
        model({ ...RELU, tensors: doubled }),
      );
    },
  );

  it("[W8.4] rows written as columns, and Constant nodes, come out where they lie", async () => {
    expect(await exported(multiples(1), (value) => value)).toEqual(multiples(1));
    expect(await exported(multiples(1), (value) => 2 * value)).toEqual(multiples(2));
  });

  it("[W8.7] what it computes with shapes is done when it is read, loops and branches too", async () => {
    const body = message(
      field(1, node("Add", ["total", "three"], "next")),
      field(1, node("Identity", ["on"], "goes")),
      ...["round", "on", "total"].map((name) => field(11, field(1, name))),
      ...["goes", "next"].map((name) => field(12, field(1, name))),
    );
    const loop = message(
      ...["two", "", "one"].map((name) => field(1, name)),
      field(2, "channels"),
      field(4, "Loop"),
      field(5, message(field(1, "body"), field(6, body), field(20, 5))),
    );
    // 1 + 2·3 is no divisor of 4 channels; 1 + 1·3 is.
    const written = (rounds: number) => ({
      nodes: [
        loop,
        node("Unsqueeze", ["channels", "zero"], "list"),
        node("Concat", ["minus", "list"], "shape", { axis: 0 }),
        CONV,
        node("Relu", ["c"], "r"),
        POOL,
        node("Reshape", ["p", "shape"], "f"),
        node("Gemm", ["f", "h", "b"], "y", { transB: 1 }),
      ],
      tensors: [
        ...WEIGHTS,
        scalar("two", rounds),
        scalar("one", 1),
        scalar("three", 3),
        numbers("zero", [0]),
        numbers("minus", [-1]),
      ],
    });
    await openModel(bytesInMemory(model(written(1))));
    await expect(openModel(bytesInMemory(model(written(2))))).rejects.toThrow(
      /\(Reshape, opset 13\): \[8191, 4, 1, 1\] does not divide/,
    );
    await expect(openModel(bytesInMemory(model(written(1e6))))).rejects.toThrow(
      /\(Loop, opset 13\).*as often as/,
    );
  });

  it("[W8.8] is refused, with where, however it is cut off or changed", async () => {
    const file = await onnxFixture("mobilenet-9");
    let count = 0;
    const judge = async (bytes: Uint8Array): Promise<void> => {
      try {
        await importModel(bytes);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        count++;
      }
    };
    for (let length = 0; length < file.length; length += 197) await judge(file.subarray(0, length));
    expect(count).toBe(Math.ceil(file.length / 197));
    let seed = 1;
    const next = (bound: number): number => (seed = (seed * 48271) % 2147483647) % bound;
    for (let i = 0; i < 150; i++) {
      const changed = file.slice();
      for (let k = 0; k <= i % 3; k++) changed[next(changed.length)] = next(256);
      await judge(changed);
    }
    expect(count).toBeGreaterThan(60);
  });

  it("[W8.8] claims of more than there is are refused before anything is done with them", async () => {
    const head = message(field(1, 8), field(2, ""));
    const huge = Uint8Array.from([...head, 0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f]);
    expect(await refused(huge)).toMatch(
      /field at byte 4 ends at byte \d+, what it is part of at byte 10/,
    );
    const endless = Uint8Array.from([...head, 0x3a, ...Array<number>(12).fill(0xff)]);
    expect(await refused(endless)).toMatch(/number at byte 5 does not end/);
    const large = { ...WEIGHTS[0], dims: [2 ** 30, 2 ** 30] };
    expect(await refused(model({ ...RELU, tensors: [large] }))).toMatch(/'w'.*too large/);
    const short = { ...WEIGHTS[0], dims: [5, 3, 3, 3] };
    expect(await refused(model({ ...RELU, tensors: [short] }))).toMatch(
      /'w': 135 float32 values take 540 bytes, it has 432/,
    );
    let nested: Uint8Array = field(2, "");
    for (let depth = 0; depth < 9; depth++) {
      nested = field(
        1,
        message(field(4, "If"), field(5, message(field(1, "g"), field(6, nested)))),
      );
    }
    expect(await refused(message(head, field(7, nested)))).toMatch(/graphs more than 4 deep/);
    const many = new Uint8Array(2 ** 20).map((_, i) => (i % 2 === 0 ? 0x50 : 0));
    expect(await refused(message(head, field(7, many)))).toMatch(/more than 262144 fields/);
  });

  it("[W8.8] what stands twice where one is meant is refused: readers take the first or the last", async () => {
    const whole = model(RELU);
    expect(await refused(message(whole, field(2, "other")))).toMatch(/field 2 .* second time/);
    await openModel(bytesInMemory(message(whole, opset(13))));
    expect(await refused(message(whole, opset(14)))).toMatch(/opset 13 and of opset 14/);
    const relu = (...more: readonly Uint8Array[]) =>
      refused(model(between(message(node("Relu", ["c"], "r"), ...more))));
    expect(await relu(field(4, "Sigmoid"))).toMatch(/field 4 .* second time/);
    expect(await relu(attribute(field(3, 1), field(3, 2)))).toMatch(/field 3 .* second time/);
    expect(await relu(attribute(field(3, 1), field(4, "s")))).toMatch(/'a' .* two values/);
    expect(await relu(attribute(field(3, 1)), attribute(field(3, 1)))).toMatch(
      /two attributes 'a'/,
    );
    const twice = message(tensor(WEIGHTS[0]), field(9, WEIGHTS[0].raw));
    expect(await relu(attribute(field(5, twice)))).toMatch(/field 9 .* second time/);
    expect(await refused(model({ ...RELU, tensors: [...WEIGHTS, WEIGHTS[2]] }))).toMatch(
      /two tensors 'b'/,
    );
  });

  it("[W8.8] more numbers than models have are refused before they are all kept", async () => {
    const few = new Uint8Array(2 ** 16);
    const list = field(
      5,
      message(field(1, "a"), ...Array.from({ length: 2 }, () => field(8, few))),
    );
    const nodes = Array.from({ length: 17 }, () => message(field(4, "Relu"), list));
    expect(await refused(model({ ...RELU, nodes }))).toMatch(/more than 2097152 numbers/);
  });

  it("[W8.8] a branch's tensor is not taken for another of its name", async () => {
    const { file } = await openModel(bytesInMemory(branched("v")));
    expect(file.tensors.map(({ name }) => name)).toContain("v");
    await expect(openModel(bytesInMemory(branched("w")))).rejects.toThrow(
      /'w' is another tensor here than before/,
    );
  });

  it("[W8.9] weights in a file beside it are read there, and replaced there", async () => {
    const [w, h, b] = WEIGHTS;
    const data = message(new Uint8Array(16), h.raw, w.raw);
    const folderWith = (...tensors: readonly WrittenTensor[]): Folder =>
      folderOf({ "model.onnx": model({ ...RELU, tensors }), "data.bin": data });
    const folder = folderWith(outside(w, 80), outside(h, 16), b);
    expect(onnxFolder.mains(folder.names)).toEqual(["model.onnx"]);
    expect(await onnxFolder.members(folder, "model.onnx")).toEqual(["model.onnx", "data.bin"]);
    const opened = await onnxFolder.open(folder, "model.onnx");
    for await (const { values } of opened.read([{ name: "h", first: 0, length: 16 }])) {
      expect(values).toEqual(decodeFloats("F32", h.raw));
    }
    const contents = await opened.restore({
      has: (name) => name === "h",
      read: ({ length }) => new Float32Array(length).fill(2),
    });
    const written: Uint8Array[] = [];
    for await (const piece of contents.get("data.bin")!()) written.push(piece);
    const twos = encodeFloats("F32", new Float32Array(16).fill(2));
    expect(message(...written)).toEqual(message(new Uint8Array(16), twos, w.raw));
    const open = (...tensors: readonly WrittenTensor[]) =>
      refusal("malformed-model", onnxFolder.open(folderWith(...tensors), "model.onnx"));
    expect(await open(outside(w, 16), outside(h, 80), b)).toMatch(
      /'w' and 'h' lie in the same place/,
    );
    expect(await open(outside(w, 999), h, b)).toMatch(/'w' ends at byte 1431 of 'data\.bin'/);
    expect(await open(outside(w, 0, "other.bin"), h, b)).toMatch(/'other\.bin' is missing/);
    expect(await open(outside(w, 0, "../data.bin"), h, b)).toMatch(/outside its folder/);
    expect(await open(outside(w, 0, "model.onnx"), h, b)).toMatch(/names itself/);
  });

  it("[W8.8] large tensors are stepped over", async () => {
    const file = model({ ...RELU, tensors: [floats("big", [300, 1000]), ...RELU.tensors] });
    let read = 0;
    await openModel({
      totalBytes: file.length,
      read: (begin, end) => {
        read += end - begin;
        return file.subarray(begin, end);
      },
    });
    expect(read).toBeLessThan(file.length / 4);
  });
});
