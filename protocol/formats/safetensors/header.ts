import { ProtocolError } from "../../errors.ts";
import { dtypeBits, isDtype, type Dtype } from "./dtype.ts";
import { decodeUtf8, repeatedKey } from "../strict-text.ts";

/**
 * Reader of the safetensors format (https://github.com/huggingface/safetensors#format): 8 bytes
 * header length, JSON header, tensor data. It needs only the first bytes and the total length, so
 * a file can be checked whole before any tensor of it is read.
 */

/** Bytes before the JSON: its length as a little-endian u64. */
export const PREFIX_BYTES = 8;

/** Longest JSON header accepted: 16 MiB, some 100,000 tensors (SPEC W1). */
export const MAX_HEADER_BYTES = 16 * 2 ** 20;

/** Key of the header that holds free text instead of a tensor. */
export const METADATA_KEY = "__metadata__";

export interface TensorInfo {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** First byte, counted from the start of the file. */
  readonly begin: number;
  /** Byte after the last, counted from the start of the file. */
  readonly end: number;
}

export interface SafetensorsHeader {
  /** Prefix and JSON as they stand in the file, for a restored file to begin alike. */
  readonly bytes: Uint8Array;
  readonly metadata: Readonly<Record<string, string>> | undefined;
  /** In order of their data. */
  readonly tensors: readonly TensorInfo[];
  readonly totalBytes: number;
}

function malformed(detail: string): ProtocolError {
  return new ProtocolError(
    "malformed-model",
    `${detail}. Fetch the file again, or write it again with safetensors' save_file`,
  );
}

/**
 * Length of prefix and JSON together: how much of the file `parseHeader` needs.
 *
 * @param start first bytes of the file, at least 8 if it has as many
 * @throws ProtocolError `malformed-model` when the claimed length exceeds 16 MiB or the file.
 *
 * @example
 * const header = parseHeader(await read(0, headerLength(await read(0, 8), total)), total);
 */
export function headerLength(start: Uint8Array, totalBytes: number): number {
  if (start.length < PREFIX_BYTES || totalBytes < PREFIX_BYTES) {
    throw malformed(
      `the file is truncated: a safetensors file starts with ${PREFIX_BYTES} bytes of header length, this one has ${Math.min(start.length, totalBytes)} bytes in all`,
    );
  }
  const view = new DataView(start.buffer, start.byteOffset, PREFIX_BYTES);
  const jsonBytes = view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
  if (jsonBytes > MAX_HEADER_BYTES) {
    throw malformed(
      `the file claims a header of ${jsonBytes} bytes, the limit is ${MAX_HEADER_BYTES}: it is damaged, or not a safetensors file`,
    );
  }
  if (jsonBytes < 2) throw malformed(`a header of ${jsonBytes} bytes cannot hold a JSON object`);
  const length = PREFIX_BYTES + jsonBytes;
  if (length > totalBytes) {
    throw malformed(
      `the file is truncated: its header ends at byte ${length}, the file at byte ${totalBytes}`,
    );
  }
  return length;
}

/**
 * Parses and checks a header: known dtypes, lengths that match shapes, and data covered without
 * holes or overlaps up to the last byte of the file (SPEC W1, W2).
 *
 * @param bytes at least the first `headerLength` bytes of the file
 * @throws ProtocolError `malformed-model`, naming the tensor.
 */
export function parseHeader(bytes: Uint8Array, totalBytes: number): SafetensorsHeader {
  const length = headerLength(bytes, totalBytes);
  if (bytes.length < length) {
    throw malformed(`the header needs ${length} bytes, only ${bytes.length} were read`);
  }
  const own = bytes.slice(0, length);
  const entries = Object.entries(parseJson(own.subarray(PREFIX_BYTES)));
  const tensors: TensorInfo[] = [];
  let metadata: Record<string, string> | undefined;
  for (const [name, entry] of entries) {
    if (name === METADATA_KEY) metadata = parseMetadata(entry);
    else tensors.push(parseTensor(name, entry, length));
  }
  tensors.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkCoverage(tensors, length, totalBytes);
  return { bytes: own, metadata, tensors, totalBytes };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseJson(bytes: Uint8Array): Record<string, unknown> {
  if (bytes[0] !== 0x7b) throw malformed("the header does not start with '{'");
  let parsed: unknown;
  let repeated: string | undefined;
  try {
    const text = decodeUtf8(bytes);
    parsed = JSON.parse(text);
    repeated = repeatedKey(text);
  } catch (cause) {
    throw new ProtocolError(
      "malformed-model",
      `the header is not JSON in UTF-8: ${cause instanceof Error ? cause.message : String(cause)}`,
      {},
      { cause },
    );
  }
  if (repeated !== undefined) throw malformed(`the header has the key '${repeated}' twice`);
  if (!isObject(parsed)) throw malformed("the header is not a JSON object");
  return parsed;
}

function parseMetadata(entry: unknown): Record<string, string> {
  if (!isObject(entry) || !Object.values(entry).every((value) => typeof value === "string")) {
    throw malformed(`'${METADATA_KEY}' must map text to text`);
  }
  return entry as Record<string, string>;
}

function isIndex(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function parseTensor(name: string, entry: unknown, dataStart: number): TensorInfo {
  const fail = (detail: string) => malformed(`tensor '${name}': ${detail}`);
  if (!name.isWellFormed()) throw fail("its name holds half a surrogate pair");
  if (!isObject(entry)) throw fail("its entry is not an object");
  const { dtype, shape, data_offsets: offsets, ...others } = entry;
  const other = Object.keys(others)[0];
  if (other !== undefined) throw fail(`unknown key '${other}'`);
  if (typeof dtype !== "string" || !isDtype(dtype)) {
    throw fail(`unknown dtype ${JSON.stringify(dtype)}`);
  }
  if (!Array.isArray(shape) || !shape.every(isIndex)) {
    throw fail("its shape is not a list of non-negative whole numbers");
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isIndex)) {
    throw fail("its data_offsets are not two non-negative whole numbers");
  }
  const [begin, end] = offsets as [number, number];
  if (end < begin) throw fail(`it ends at ${end}, before it begins at ${begin}`);
  let bits = dtypeBits(dtype);
  for (const extent of shape) {
    bits *= extent;
    if (!Number.isSafeInteger(bits)) throw fail(`shape [${shape.join(", ")}] is too large`);
  }
  if (bits !== (end - begin) * 8) {
    throw fail(
      `${dtype} values of shape [${shape.join(", ")}] take ${bits / 8} bytes, its data_offsets span ${end - begin}`,
    );
  }
  return { name, dtype, shape, begin: dataStart + begin, end: dataStart + end };
}

function checkCoverage(
  tensors: readonly TensorInfo[],
  dataStart: number,
  totalBytes: number,
): void {
  let position = dataStart;
  let previous: TensorInfo | undefined;
  for (const tensor of tensors) {
    if (tensor.begin < position) {
      throw malformed(
        `tensor '${tensor.name}' overlaps '${previous?.name}': it begins at data byte ${tensor.begin - dataStart}, the other ends at ${position - dataStart}`,
      );
    }
    if (tensor.begin > position) {
      throw malformed(
        `tensor '${tensor.name}' begins at data byte ${tensor.begin - dataStart}, ${tensor.begin - position} bytes after the data before it ends: the format allows no holes`,
      );
    }
    position = tensor.end;
    previous = tensor;
  }
  if (position > totalBytes) {
    throw malformed(
      `the file is truncated: tensor '${previous?.name}' ends at byte ${position}, the file at byte ${totalBytes}`,
    );
  }
  if (position < totalBytes) {
    throw malformed(`${totalBytes - position} bytes follow the last tensor`);
  }
}
