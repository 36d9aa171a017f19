import type { NamedTensor } from "../../model/named-tensor.ts";
import { readRuns, type ByteRun, type ByteSource } from "../byte-source.ts";
import { decodeFloats, floatBytes, type FloatEncoding } from "../float-encodings.ts";
import type { Finding } from "../finding.ts";
import type { Format, TensorPart } from "../model-file.ts";
import { isFloatDtype, isIntegerDtype, type Dtype } from "./dtype.ts";
import {
  headerLength,
  MAX_HEADER_BYTES,
  parseHeader,
  PREFIX_BYTES,
  type SafetensorsHeader,
  type TensorInfo,
} from "./header.ts";
import { restoredPieces } from "./restore.ts";

/** The safetensors format (SPEC W1 to W4). */
export const safetensors: Format = {
  name: "safetensors",
  mismatch: (start) => {
    // There is no magic number: what every such file has is the beginning of a JSON object, and a
    // length before it that could be one.
    if (start.length <= PREFIX_BYTES) {
      return `the file is truncated: it has ${start.length} bytes in all, and the length of its header alone takes ${PREFIX_BYTES}`;
    }
    if (start[PREFIX_BYTES] !== 0x7b) return "no header begins with '{' at byte 8";
    const jsonBytes = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true);
    if (jsonBytes <= MAX_HEADER_BYTES) return undefined;
    return `it would have a header of ${jsonBytes} bytes, the limit is ${MAX_HEADER_BYTES}`;
  },
  open: async (source) => {
    const { totalBytes } = source;
    const prefix = await source.read(0, Math.min(PREFIX_BYTES, totalBytes));
    const header = parseHeader(await source.read(0, headerLength(prefix, totalBytes)), totalBytes);
    const byName = new Map(header.tensors.map((tensor) => [tensor.name, tensor]));
    return {
      kind: "safetensors",
      extension: "safetensors",
      totalBytes,
      tensors: header.tensors.map(({ name, shape, dtype }): NamedTensor => ({
        name,
        shape,
        dtype,
        values: kindOf(dtype),
      })),
      metadata: new Map(Object.entries(header.metadata ?? {})),
      findings: findingsOf(header),
      read: (parts) => readParts(source, byName, parts),
      restore: (values) => restoredPieces(source, header, values),
    };
  },
};

function findingsOf({ tensors }: SafetensorsHeader): Finding[] {
  const rounded = tensors.filter(({ dtype }) => dtype === "F64");
  if (rounded.length === 0) return [];
  return [
    {
      rule: "float64-weights",
      level: "note",
      message: `${rounded.length} of ${tensors.length} tensors are float64: they are computed with as float32, and written back as float64; a value that does not change keeps all its digits`,
      where: rounded[0]!.name,
    },
  ];
}

function kindOf(dtype: Dtype): NamedTensor["values"] {
  if (isFloatDtype(dtype)) return "floats";
  return isIntegerDtype(dtype) ? "integers" : "others";
}

interface PartRun extends ByteRun {
  readonly part: TensorPart;
  readonly dtype: FloatEncoding;
}

async function* readParts(
  source: ByteSource,
  tensors: ReadonlyMap<string, TensorInfo>,
  parts: readonly TensorPart[],
) {
  const runs = parts.map((part) => runOf(tensors.get(part.name), part));
  for await (const [{ part, dtype }, bytes] of readRuns(source, runs)) {
    yield { part, values: decodeFloats(dtype, bytes) };
  }
}

/** Where a part lies in the file. */
function runOf(tensor: TensorInfo | undefined, part: TensorPart): PartRun {
  const { name, first, length } = part;
  if (tensor === undefined || !isFloatDtype(tensor.dtype)) {
    throw new RangeError(`the file has no float tensor '${name}'`);
  }
  const begin = tensor.begin + first * floatBytes(tensor.dtype);
  const end = begin + length * floatBytes(tensor.dtype);
  if (first < 0 || length < 0 || end > tensor.end) {
    throw new RangeError(`values ${first} to ${first + length} lie outside '${name}'`);
  }
  return { part, dtype: tensor.dtype, begin, end };
}
