import { sizeOf } from "../../model/graph.ts";
import type { ByteRun } from "../byte-source.ts";
import { decodeFloats, floatBytes, type FloatEncoding } from "../float-encodings.ts";
import { decodeUtf8 } from "../strict-text.ts";
import { malformed, packedFloats, packedVarints, type Field, type WireReader } from "./wire.ts";

/** The types of ONNX's `TensorProto.DataType` that models hold weights and constants in. */
const DTYPES: Readonly<Record<number, string>> = {
  1: "float32",
  2: "uint8",
  3: "int8",
  4: "uint16",
  5: "int16",
  6: "int32",
  7: "int64",
  8: "string",
  9: "bool",
  10: "float16",
  11: "float64",
  12: "uint32",
  13: "uint64",
  14: "complex64",
  15: "complex128",
  16: "bfloat16",
};

/** Those that hold floats, and how they lie in `raw_data`. */
const ENCODINGS: Readonly<Record<string, FloatEncoding>> = {
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  float64: "F64",
};

/** The fields in which values lie as in `raw_data`: float_data and double_data. */
const TYPED_DATA: Readonly<Record<string, number>> = { float32: 4, float64: 10 };

/** A constant that is read along with its tensor has at most so many values: shapes, axes, bounds. */
const MAX_CONSTANT_VALUES = 4096;

/** Dimensions of a tensor, and what a list of numbers may take. */
const MAX_RANK = 32;
const MAX_LIST_BYTES = 2 ** 16;

/** Fields that it may have once: data_type, name, raw_data, data_location. */
const SINGULAR = [2, 8, 9, 14];

/** A tensor of the file: an initializer, or the value of a Constant node. */
export interface OnnxTensor {
  readonly name: string;
  readonly dtype: string;
  readonly dims: readonly number[];
  /** Where floats lie that can be read as weights; undefined where they are none, or lie otherwise. */
  readonly floats?: FloatRun;
  /** Values of a small constant; undefined of one that is large, or of no numbers. */
  readonly values?: readonly number[];
}

/** Floats in one piece. */
interface FloatRun extends ByteRun {
  readonly encoding: FloatEncoding;
  /** The file in which they lie, where it is another than the model's own. */
  readonly file?: string;
}

/**
 * Reads a `TensorProto`: floats stay where they are.
 *
 * @param name what it is called by those that use it; its own name when left out
 * @throws ProtocolError `malformed-model`, naming the tensor.
 */
export async function readTensor(
  reader: WireReader,
  { begin, end }: ByteRun,
  named?: string,
): Promise<OnnxTensor> {
  const dims: number[] = [];
  const data = new Map<number, Field[]>();
  let name = named ?? "";
  let code = 0;
  const external = new Map<string, string>();
  let isExternal = false;
  for await (const field of reader.fields(begin, end, SINGULAR)) {
    switch (field.number) {
      case 1:
        dims.push(...(await readIntegers(reader, field)));
        break;
      case 2:
        code = field.varint;
        break;
      case 4: // float_data
      case 5: // int32_data
      case 7: // int64_data
      case 9: // raw_data
      case 10: // double_data
        data.set(field.number, [...(data.get(field.number) ?? []).slice(0, 1), field]);
        break;
      case 8:
        name = named ?? (await readText(reader, field));
        break;
      case 13:
        external.set(...(await readEntry(reader, field)));
        break;
      case 14:
        isExternal = field.varint === 1;
        break;
      default: // Documentation, and what has nothing to do with values.
        break;
    }
  }
  const fail = (detail: string) => malformed(`tensor '${name}': ${detail}`);
  const dtype = DTYPES[code] ?? `of type ${code}`;
  if (dims.length > MAX_RANK || !dims.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw fail(`its shape is [${dims.slice(0, MAX_RANK).join(", ")}]`);
  }
  const size = sizeOf(dims);
  if (!Number.isSafeInteger(8 * size)) throw fail(`shape [${dims.join(", ")}] is too large`);
  if (isExternal) {
    const run = externalRun(external, dtype, size, fail);
    return { name, dtype, dims, ...(run && { floats: run }) };
  }
  const floats = floatsOf(dtype, data, size, fail);
  const small = size <= MAX_CONSTANT_VALUES;
  const values = small ? await valuesOf(reader, { dtype, data, size, floats }) : undefined;
  return { name, dtype, dims, ...(floats && { floats }), ...(values && { values }) };
}

type Data = ReadonlyMap<number, readonly Field[]>;

/** Where the floats of a tensor lie, if in one piece of fixed width. */
function floatsOf(
  dtype: string,
  data: Data,
  size: number,
  fail: (detail: string) => Error,
): OnnxTensor["floats"] {
  const encoding = ENCODINGS[dtype];
  if (encoding === undefined) return undefined;
  const [raw, more] = data.get(9) ?? data.get(TYPED_DATA[dtype] ?? 0) ?? [];
  if (raw === undefined || more !== undefined || raw.wire !== "bytes") return undefined;
  const width = floatBytes(encoding);
  if (raw.end - raw.begin !== width * size) {
    throw fail(
      `${size} ${dtype} values take ${width * size} bytes, it has ${raw.end - raw.begin}: the file is damaged, fetch it again`,
    );
  }
  return { begin: raw.begin, end: raw.end, encoding };
}

/** Where floats lie in another file (ONNX's external data); undefined where they are no floats. */
function externalRun(
  said: ReadonlyMap<string, string>,
  dtype: string,
  size: number,
  fail: (detail: string) => Error,
): FloatRun | undefined {
  const file = said.get("location");
  const begin = Number(said.get("offset") ?? 0);
  const encoding = ENCODINGS[dtype];
  if (file === undefined || !(Number.isSafeInteger(begin) && begin >= 0)) {
    throw fail("it does not say where in which file it lies: the file is damaged, fetch it again");
  }
  if (encoding === undefined) return undefined;
  const length = floatBytes(encoding) * size;
  if (Number(said.get("length") ?? length) !== length) {
    throw fail(
      `${size} ${dtype} values take ${length} bytes, '${file}' has ${said.get("length")} of it: the file is damaged, fetch it again`,
    );
  }
  return { begin, end: begin + length, encoding, file };
}

/** The numbers of a small tensor; undefined where they are not as many as its shape says. */
async function valuesOf(
  reader: WireReader,
  {
    dtype,
    data,
    size,
    floats,
  }: { dtype: string; data: Data; size: number; floats: OnnxTensor["floats"] },
): Promise<readonly number[] | undefined> {
  if (size === 0) return [];
  if (floats) {
    reader.count(size);
    const bytes = await reader.bytes(floats.begin, floats.end);
    return Array.from(decodeFloats(floats.encoding, bytes));
  }
  const values = await plainValues(reader, dtype, data, size);
  return values?.length === size ? values : undefined;
}

async function plainValues(
  reader: WireReader,
  dtype: string,
  data: Data,
  size: number,
): Promise<readonly number[] | undefined> {
  const read = RAW_VALUES[dtype];
  const raw = data.get(9)?.[0];
  if (raw !== undefined) {
    if (read === undefined || raw.end - raw.begin !== read.width * size) return undefined;
    reader.count(size);
    const bytes = await reader.bytes(raw.begin, raw.end);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return Array.from({ length: size }, (_, i) => read.value(view, i * read.width));
  }
  const numbers = data.get(dtype === "int64" ? 7 : 5);
  if (numbers === undefined || read === undefined) return undefined;
  const values: number[] = [];
  for (const field of numbers) values.push(...(await readIntegers(reader, field)));
  return values;
}

/** How numbers that are no weights lie in `raw_data`. */
const RAW_VALUES: Readonly<
  Record<string, { width: number; value: (view: DataView, at: number) => number }>
> = {
  bool: { width: 1, value: (view, at) => view.getUint8(at) },
  int32: { width: 4, value: (view, at) => view.getInt32(at, true) },
  int64: { width: 8, value: (view, at) => Number(view.getBigInt64(at, true)) },
};

/** A repeated integer, packed or not. */
export async function readIntegers(reader: WireReader, field: Field): Promise<number[]> {
  if (field.wire === "varint") {
    reader.count(1);
    return [field.varint];
  }
  if (field.end - field.begin > MAX_LIST_BYTES) {
    throw malformed(`the list of numbers at byte ${field.begin} is longer than models have`);
  }
  const numbers = packedVarints(await reader.bytes(field.begin, field.end));
  reader.count(numbers.length);
  return numbers;
}

/** A repeated float, packed or not: each as the shortest number that is it in float32. */
export async function readFloats(reader: WireReader, field: Field): Promise<number[]> {
  reader.count((field.end - field.begin) / 4);
  return packedFloats(await reader.bytes(field.begin, field.end)).map(shortest);
}

/** 1e-5 for what float32 makes of it. */
function shortest(value: number): number {
  if (!Number.isFinite(value)) return value;
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

/** @throws ProtocolError `malformed-model` for what is not UTF-8. */
export async function readText(reader: WireReader, field: Field): Promise<string> {
  try {
    return decodeUtf8(await reader.bytes(field.begin, field.end));
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw malformed(
      `the text at byte ${field.begin} is not UTF-8: the file is damaged, fetch it again`,
    );
  }
}

/** A `StringStringEntryProto`. */
export async function readEntry(
  reader: WireReader,
  { begin, end }: ByteRun,
): Promise<readonly [key: string, value: string]> {
  let key = "";
  let value = "";
  for await (const field of reader.fields(begin, end, [1, 2])) {
    if (field.number === 1) key = await readText(reader, field);
    else if (field.number === 2) value = await readText(reader, field);
  }
  return [key, value];
}
