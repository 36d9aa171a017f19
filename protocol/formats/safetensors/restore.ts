import { sizeOf } from "../../model/graph.ts";
import { readBytes, type ByteSource } from "../byte-source.ts";
import { encodeFloats, encodeOver, floatBytes, isExact } from "../float-encodings.ts";
import type { NewValues } from "../model-file.ts";
import { readNewValues } from "../new-values.ts";
import { isFloatDtype } from "./dtype.ts";
import type { SafetensorsHeader } from "./header.ts";

/** Most values and bytes written in one step: bounds the memory of a restore by pieces. */
const PIECE_VALUES = 2 ** 18;
const PIECE_BYTES = 2 ** 20;

/**
 * The way back out: new values in the file that the model came in. Header, tensor order, names, dtypes
 * and metadata are the source's, byte for byte; tensors without new values (step counters) keep their
 * bytes (SPEC W4).
 *
 * @throws ProtocolError `non-finite-weights` when a value is not finite in the source's dtype;
 *   `malformed-model` when the source gives fewer bytes than it had.
 */
export async function* restoredPieces(
  source: ByteSource,
  header: SafetensorsHeader,
  values: NewValues,
): AsyncGenerator<Uint8Array> {
  yield header.bytes;
  for (const { name, dtype, shape, begin, end } of header.tensors) {
    if (!values.has(name)) {
      for (let from = begin; from < end; from += PIECE_BYTES) {
        yield await readBytes(source, from, Math.min(end, from + PIECE_BYTES));
      }
      continue;
    }
    if (!isFloatDtype(dtype))
      throw new TypeError(`tensor '${name}' is ${dtype}, and has no floats`);
    const size = sizeOf(shape);
    const width = floatBytes(dtype);
    const piece = Math.min(PIECE_VALUES, PIECE_BYTES / width);
    for (let first = 0; first < size; first += piece) {
      const part = { name, first, length: Math.min(piece, size - first) };
      const given = await readNewValues(values, part, dtype);
      const from = begin + first * width;
      yield isExact(dtype)
        ? encodeFloats(dtype, given)
        : encodeOver(dtype, given, await readBytes(source, from, from + part.length * width));
    }
  }
}
