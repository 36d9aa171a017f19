import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ProtocolError } from "../../../../../protocol/errors.ts";
import { sizeOf } from "../../../../../protocol/model/graph.ts";
import { dtypeBits, type Dtype } from "../../../../../protocol/formats/safetensors/dtype.ts";
import { encodeFloats } from "../../../../../protocol/formats/float-encodings.ts";
import {
  headerLength,
  MAX_HEADER_BYTES,
  parseHeader,
} from "../../../../../protocol/formats/safetensors/header.ts";
import {
  writeSafetensors,
  type TensorToWrite,
} from "../../../../../protocol/formats/safetensors/writer.ts";
import { problem } from "../../problem.ts";

/** A file around any header text, so that headers no writer would write can be made. */
function fileOf(header: string, dataBytes: number, claim?: bigint): Uint8Array {
  const json = new TextEncoder().encode(header);
  const file = new Uint8Array(8 + json.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, claim ?? BigInt(json.length), true);
  file.set(json, 8);
  return file;
}

const refused = (header: unknown, dataBytes: number): string => {
  const file = fileOf(typeof header === "string" ? header : JSON.stringify(header), dataBytes);
  return problem("malformed-model", () => parseHeader(file, file.length));
};

const f32 = (begin: number, end: number) => ({
  dtype: "F32",
  shape: [(end - begin) / 4],
  data_offsets: [begin, end],
});

const shape = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });
const floatTensor = shape.chain((extents) =>
  fc.record({
    shape: fc.constant(extents),
    dtype: fc.constantFrom("F32" as const, "F16" as const, "BF16" as const),
    // Whole numbers up to 256 are exact in all three dtypes.
    values: fc
      .array(fc.integer({ min: -256, max: 256 }), {
        minLength: sizeOf(extents),
        maxLength: sizeOf(extents),
      })
      .map((values) => Float32Array.from(values)),
  }),
);
const rawTensor = fc
  .tuple(shape, fc.constantFrom<Dtype[]>("I64", "BOOL", "F64", "U8", "I16", "C64", "F8_E4M3"))
  .chain(([extents, dtype]) => {
    const length = (sizeOf(extents) * dtypeBits(dtype)) / 8;
    return fc.record({
      shape: fc.constant(extents),
      dtype: fc.constant(dtype),
      bytes: fc.uint8Array({ minLength: length, maxLength: length }),
    });
  });
const name = fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom("0", "7", "__proto__"));
const tensors: fc.Arbitrary<TensorToWrite[]> = fc
  .uniqueArray(
    name.filter((text) => text !== "__metadata__"),
    { maxLength: 6 },
  )
  .chain((names) =>
    fc.tuple(
      ...names.map((text) =>
        fc.oneof(floatTensor, rawTensor).map((tensor) => Object.assign(tensor, { name: text })),
      ),
    ),
  );
const metadata = fc.option(fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 }), {
  nil: undefined,
});

const entry = (dtype: unknown, extents: unknown, offsets: unknown) =>
  refused({ a: { dtype, shape: extents, data_offsets: offsets } }, 8);

describe("safetensors", () => {
  it("[W2] round-trips any tensors, in order, with names, dtypes and metadata", () => {
    fc.assert(
      fc.property(tensors, metadata, (written, text) => {
        const file = writeSafetensors(written, text);
        const header = parseHeader(file, file.length);
        expect(header.metadata).toEqual(text);
        expect(header.bytes.length % 8).toBe(0);
        expect(header.tensors).toHaveLength(written.length);
        const filled = written.filter((tensor) => sizeOf(tensor.shape) > 0).map((t) => t.name);
        const read = header.tensors.filter((t) => t.end > t.begin).map((t) => t.name);
        expect(read).toEqual(filled);
        for (const tensor of written) {
          const info = header.tensors.find((other) => other.name === tensor.name)!;
          expect([info.dtype, info.shape]).toEqual([tensor.dtype, tensor.shape]);
          const bytes = file.subarray(info.begin, info.end);
          const expected =
            "values" in tensor ? encodeFloats(tensor.dtype, tensor.values) : tensor.bytes;
          expect(Uint8Array.from(bytes)).toEqual(Uint8Array.from(expected));
        }
      }),
    );
  });

  it("[W1] needs only the header's bytes and the total length", () => {
    const values = new Float32Array(1000).fill(1.5);
    const file = writeSafetensors([{ name: "a", dtype: "F32", shape: [1000], values }]);
    const length = headerLength(file.subarray(0, 8), file.length);
    const header = parseHeader(file.subarray(0, length), file.length);
    expect(header).toEqual(parseHeader(file, file.length));
    expect(header.tensors[0]!.begin).toBe(length);
  });

  it("[W1] refuses a header of 2 GB, or of more than any file, before anything is allocated", () => {
    for (const claim of [2n ** 31n, 2n ** 63n, BigInt(MAX_HEADER_BYTES) + 1n]) {
      const file = fileOf("{}", 0, claim);
      expect(problem("malformed-model", () => headerLength(file, 2 ** 40))).toContain("limit");
    }
  });

  it("[W1] refuses a header that ends after the file", () => {
    const file = fileOf("{}", 0, 100n);
    expect(problem("malformed-model", () => headerLength(file, file.length))).toContain(
      "truncated",
    );
  });

  it("[W2] refuses every truncation", () => {
    const file = writeSafetensors([
      { name: "a", dtype: "F32", shape: [3], values: new Float32Array(3) },
      { name: "b", dtype: "I64", shape: [], bytes: new Uint8Array(8) },
    ]);
    for (let length = 0; length < file.length; length++) {
      const part = file.subarray(0, length);
      expect(problem("malformed-model", () => parseHeader(part, length))).toContain("truncated");
    }
    const longer = new Uint8Array([...file, 0]);
    expect(problem("malformed-model", () => parseHeader(longer, longer.length))).toContain(
      "1 bytes follow",
    );
  });

  it("[W2] refuses every bit flip within data_offsets", () => {
    const file = writeSafetensors([
      { name: "a", dtype: "F32", shape: [3], values: new Float32Array(3) },
      { name: "b", dtype: "F16", shape: [2, 2], values: new Float32Array(4) },
    ]);
    const text = new TextDecoder("latin1").decode(file);
    let flips = 0;
    for (const match of text.matchAll(/data_offsets":\[([\d,]+)\]/g)) {
      const from = match.index + 'data_offsets":['.length;
      for (let bit = from * 8; bit < (from + match[1]!.length) * 8; bit++) {
        const damaged = file.slice();
        damaged[bit >> 3]! ^= 1 << (bit & 7);
        problem("malformed-model", () => parseHeader(damaged, damaged.length));
        flips++;
      }
    }
    expect(flips).toBeGreaterThan(50);
  });

  it("[W2] answers any damage of the header with a malformed-model, or reads a sound file", () => {
    const file = writeSafetensors(
      [
        { name: "a", dtype: "F32", shape: [3], values: new Float32Array(3) },
        { name: "b", dtype: "I64", shape: [], bytes: new Uint8Array(8) },
      ],
      { format: "pt" },
    );
    const start = headerLength(file, file.length);
    const position = fc.integer({ min: 0, max: start - 1 });
    const edits = fc.array(fc.tuple(position, fc.integer({ min: 0, max: 255 })), { minLength: 1 });
    fc.assert(
      fc.property(edits, (list) => {
        const damaged = file.slice();
        for (const [at, byte] of list) damaged[at] = byte;
        try {
          const { tensors: read } = parseHeader(damaged, damaged.length);
          const bytes = read.reduce((sum, tensor) => sum + tensor.end - tensor.begin, 0);
          expect(bytes).toBeLessThanOrEqual(damaged.length);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
          expect((error as ProtocolError).code).toBe("malformed-model");
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("[W2] names overlapping tensors and holes", () => {
    expect(refused({ a: f32(0, 8), b: f32(4, 12) }, 12)).toMatch(/'b' overlaps 'a'/);
    expect(refused({ a: f32(0, 8), b: f32(0, 8) }, 8)).toMatch(/overlaps/);
    expect(refused({ a: f32(0, 8), b: f32(12, 16) }, 16)).toMatch(/'b'.*holes/);
    expect(refused({ a: f32(4, 8) }, 8)).toMatch(/holes/);
  });

  it("[W2] refuses tensors whose length is not that of shape and dtype", () => {
    expect(entry("F32", [3], [0, 8])).toMatch(/take 12 bytes.*span 8/);
    expect(entry("F4", [3], [0, 8])).toMatch(/take 1.5 bytes/);
    expect(entry("F128", [1], [0, 8])).toContain("F128");
    expect(entry("toString", [1], [0, 8])).toContain("unknown dtype");
    expect(entry("F32", [2 ** 40, 2 ** 40], [0, 8])).toContain("too large");
    expect(entry("F32", [-2], [0, 8])).toContain("shape");
    expect(entry("F32", [1.5], [0, 6])).toContain("shape");
    expect(entry("F32", [2], [0])).toContain("data_offsets");
    expect(entry("F32", [2], [8, 0])).toContain("before it begins");
    expect(entry("F32", [2], [0, 2 ** 60])).toContain("data_offsets");
  });

  it("[W2] refuses headers that are not an object of tensors", () => {
    expect(refused("[]", 0)).toContain("'{'");
    expect(refused('{"a":', 0)).toContain("JSON");
    expect(
      refused(`{"a":${JSON.stringify(f32(0, 4))},"a":${JSON.stringify(f32(0, 4))}}`, 4),
    ).toContain("'a' twice");
    expect(refused({ a: 1 }, 0)).toContain("not an object");
    expect(refused({ a: { ...f32(0, 4), extra: 1 } }, 4)).toContain("'extra'");
    expect(refused({ __metadata__: { a: 1 } }, 0)).toContain("text to text");
    expect(refused(`{"\\ud800":${JSON.stringify(f32(0, 4))}}`, 4)).toContain("surrogate");
    expect(refused(`{"a":${"[".repeat(100_000)}`, 0)).toContain("JSON");
  });

  it("refuses to write a tensor that does not fit its shape, or a name twice", () => {
    const tensor = { name: "a", dtype: "F32", shape: [2], values: new Float32Array(2) } as const;
    expect(() => writeSafetensors([{ ...tensor, shape: [3] }])).toThrow(/takes 12 bytes/);
    expect(() => writeSafetensors([tensor, tensor])).toThrow(/taken already/);
    expect(() => writeSafetensors([{ ...tensor, name: "__metadata__" }])).toThrow(/taken already/);
  });
});
