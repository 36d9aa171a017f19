import { sizeOf } from "../../model/graph.ts";
import { readBytes, type ByteSource } from "../byte-source.ts";
import { encodeFloats, encodeOver, floatBytes, isExact } from "../float-encodings.ts";
import type { NewValues, TensorPart } from "../model-file.ts";
import { readNewValues } from "../new-values.ts";
import { replaceRuns } from "../replace-runs.ts";
import type { StoredValues } from "./read-values.ts";

/** Most values and bytes written in one step: bounds the memory of a restore by pieces. */
const PIECE_VALUES = 2 ** 18;
const PIECE_BYTES = 2 ** 20;

/** Values of a transposed tensor that are gathered before they are written: 16 MiB. */
const STRIP_VALUES = 2 ** 22;

/**
 * The way back out: the file as it was, but for the bytes of tensors with new values (SPEC W8.4).
 *
 * @throws ProtocolError `non-finite-weights` when a value is not finite as the file stores it.
 */
export function restoredPieces(
  source: ByteSource,
  tensors: readonly StoredValues[],
  values: NewValues,
): AsyncGenerator<Uint8Array> {
  const renewed = tensors.filter(({ name }) => values.has(name));
  return replaceRuns(
    source,
    renewed.map((tensor) => ({
      begin: tensor.begin,
      end: tensor.end,
      content: () => content(source, tensor, values),
    })),
  );
}

async function* content(
  source: ByteSource,
  tensor: StoredValues,
  values: NewValues,
): AsyncGenerator<Uint8Array> {
  const { encoding } = tensor;
  const width = floatBytes(encoding);
  const inFileOrder = tensor.isTransposed ? transposed(tensor, values) : values;
  for (const part of partsOf(tensor, PIECE_BYTES / width)) {
    const given = await readNewValues(inFileOrder, part, encoding);
    const begin = tensor.begin + part.first * width;
    yield isExact(encoding)
      ? encodeFloats(encoding, given)
      : encodeOver(encoding, given, await readBytes(source, begin, begin + part.length * width));
  }
}

/** The parts in which a tensor's values are asked for, in order. */
function partsOf({ name, shape }: StoredValues, most = PIECE_VALUES): TensorPart[] {
  const size = sizeOf(shape);
  const length = Math.min(PIECE_VALUES, most);
  return Array.from({ length: Math.ceil(size / length) }, (_, i) => {
    const first = i * length;
    return { name, first, length: Math.min(length, size - first) };
  });
}

/** A parameter's new values in the order of a file that has its rows as columns. */
function transposed(tensor: StoredValues, values: NewValues): NewValues {
  let strip: Strip = { first: 0, values: new Float32Array(0) };
  return {
    has: (name) => values.has(name),
    read: async ({ first, length }) => {
      const part = new Float32Array(length);
      for (let done = 0; done < length;) {
        const at = first + done - strip.first;
        if (at < 0 || at >= strip.values.length) {
          strip = await stripAt(tensor, values, first + done);
          continue;
        }
        const piece = strip.values.subarray(at, at + length - done);
        part.set(piece, done);
        done += piece.length;
      }
      return part;
    },
  };
}

/** Rows of the file one behind the other. */
interface Strip {
  /** Index of its first value in the file's order. */
  readonly first: number;
  readonly values: Float32Array;
}

/** Rows of the file from the one that holds value `at`: of each row of the parameter a part. */
async function stripAt(tensor: StoredValues, values: NewValues, at: number): Promise<Strip> {
  const [out, channels] = tensor.shape as [number, number];
  const from = Math.floor(at / out);
  const to = Math.min(channels, from + Math.max(1, Math.floor(STRIP_VALUES / out)));
  const strip = new Float32Array((to - from) * out);
  for (const part of partsOf(tensor)) {
    const given = await readNewValues(values, part, tensor.encoding);
    for (const [i, value] of given.entries()) {
      const column = (part.first + i) % channels;
      const row = (part.first + i - column) / channels;
      if (column >= from && column < to) strip[(column - from) * out + row] = value;
    }
  }
  return { first: from * out, values: strip };
}
