import { readRuns, type ByteRun, type ByteSource } from "../byte-source.ts";
import { decodeFloats, floatBytes, type FloatEncoding } from "../float-encodings.ts";
import type { TensorPart } from "../model-file.ts";
import { sizeOf } from "../../model/graph.ts";

/** Where a parameter's values lie. */
export interface StoredValues extends ByteRun {
  readonly name: string;
  /** The parameter's, `[out, in]` where it is transposed. */
  readonly shape: readonly number[];
  readonly encoding: FloatEncoding;
  /** Whether the file has it as `[in, out]`. */
  readonly isTransposed: boolean;
  /** The file in which they lie, where it is another than the model's own. */
  readonly file?: string;
}

/** The files of a model, by their names; its own without one. */
export type Sources = ReadonlyMap<string | undefined, ByteSource>;

interface PartRun extends ByteRun {
  readonly part: TensorPart;
  readonly encoding: FloatEncoding;
}

/** Bytes of a transposed tensor that are read in one go. */
const STRIP_BYTES = 2 ** 22;

export async function* readParts(
  sources: Sources,
  tensors: ReadonlyMap<string, StoredValues>,
  parts: readonly TensorPart[],
): AsyncGenerator<{ readonly part: TensorPart; readonly values: Float32Array }> {
  const runs = new Map<string | undefined, PartRun[]>();
  const turned: (readonly [TensorPart, StoredValues])[] = [];
  for (const part of parts) {
    const { first, length, name } = part;
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new RangeError(`the file has no float tensor '${name}'`);
    if (first < 0 || length < 0 || first + length > sizeOf(tensor.shape)) {
      throw new RangeError(`values ${first} to ${first + length} lie outside '${name}'`);
    }
    if (tensor.isTransposed) turned.push([part, tensor]);
    else {
      const width = floatBytes(tensor.encoding);
      const begin = tensor.begin + first * width;
      const ofFile = runs.get(tensor.file) ?? [];
      ofFile.push({ part, encoding: tensor.encoding, begin, end: begin + length * width });
      runs.set(tensor.file, ofFile);
    }
  }
  for (const [file, ofFile] of runs) {
    for await (const [{ part, encoding }, bytes] of readRuns(sources.get(file)!, ofFile)) {
      yield { part, values: decodeFloats(encoding, bytes) };
    }
  }
  for (const [part, tensor] of turned) {
    yield { part, values: await readTransposed(sources.get(tensor.file)!, tensor, part) };
  }
}

/** Rows of a parameter that are columns in the file: the file's rows are read strip by strip. */
async function readTransposed(
  source: ByteSource,
  tensor: StoredValues,
  { first, length }: TensorPart,
): Promise<Float32Array> {
  const [out, channels] = tensor.shape as [number, number];
  const values = new Float32Array(length);
  const width = floatBytes(tensor.encoding);
  const rows = Math.max(1, Math.floor(STRIP_BYTES / (out * width)));
  for (let from = 0; from < channels; from += rows) {
    const to = Math.min(channels, from + rows);
    const begin = tensor.begin + from * out * width;
    const run = { begin, end: begin + (to - from) * out * width };
    for await (const [, bytes] of readRuns(source, [run])) {
      const strip = decodeFloats(tensor.encoding, bytes);
      for (let row = Math.floor(first / channels); row * channels < first + length; row++) {
        for (let column = from; column < to; column++) {
          const at = row * channels + column - first;
          if (at >= 0 && at < length) values[at] = strip[(column - from) * out + row]!;
        }
      }
    }
  }
  return values;
}
