import { ProtocolError } from "../../../protocol/errors.ts";
import { judgePickle } from "../../../protocol/formats/pickle/judge-pickle.ts";
import { isRecord, type PickleValue } from "../../../protocol/formats/pickle/pickle-values.ts";
import { readPickle } from "../../../protocol/formats/pickle/read-pickle.ts";
import { planarPicture } from "../cifar-records.ts";
import {
  type FindOptions,
  readExactly,
  type FoundImage,
  type ImageSource,
} from "../found-image.ts";
import { memberLimit, tooLarge } from "./member-limit.ts";
import { isNumberType, numberReader } from "./number-types.ts";
import { pickledArray, pickledBytes, type PickledArray } from "./pickled-array.ts";

/** Bytes of a picture, planes of 32×32. */
const PICTURE = 3072;

/** Of `data`, behind how many pictures it has. */
const SHAPES: ReadonlySet<string> = new Set([`${PICTURE}`, "3,32,32"]);

/** Labels of CIFAR-10, and the fine ones of CIFAR-100. */
const LABELS = ["labels", "fine_labels"];

/**
 * The pictures of CIFAR's Python batches: a pickled dict with `data` of N×3072 or N×3×32×32 bytes. The pickle is read
 * as inert records, and nothing of it is ever run (SPEC T2); one that would run code elsewhere is refused.
 *
 * @throws UnreadableError when it ends before its length, or what else the source throws.
 */
export async function* batchImages(
  source: ImageSource,
  { withLabels }: FindOptions,
): AsyncGenerator<FoundImage> {
  const { name, size } = source;
  const limit = memberLimit("data_batch_1");
  if (size > limit) {
    yield { name, problem: tooLarge(limit) };
    return;
  }
  const batch = openBatch(await readExactly(source, 0, size), name);
  if (typeof batch === "string") {
    yield { name, problem: batch };
    return;
  }
  const { data, labels } = batch;
  for (let index = 0; (index + 1) * PICTURE <= data.length; index++) {
    const picture = planarPicture(data.subarray(index * PICTURE, (index + 1) * PICTURE));
    const label = withLabels ? labels?.[index] : undefined;
    yield label === undefined ? { name, picture } : { name, picture, label };
  }
}

interface Batch {
  readonly data: Uint8Array;
  readonly labels: readonly number[] | undefined;
}

function openBatch(bytes: Uint8Array, name: string): Batch | string {
  let value: PickleValue;
  try {
    const pickle = readPickle(bytes, 0);
    judgePickle(pickle, name);
    ({ value } = pickle);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return error.code === "unsafe-model"
      ? "a Python pickle that would run code where Python opens it; Scour does not, and refuses it: open it nowhere"
      : `a Python pickle that cannot be read: ${error.message}`;
  }
  const entry = (key: string): PickleValue | undefined =>
    isRecord(value, "dict")
      ? value.entries.findLast(([said]) => textOf(said) === key)?.[1]
      : undefined;
  const array = pickledArray(entry("data"));
  const isBatch =
    array?.dtype === "u1" &&
    SHAPES.has(array.shape.slice(1).join()) &&
    array.bytes.length === array.shape[0]! * PICTURE;
  if (!isBatch) {
    return "a Python pickle that is no CIFAR batch (a dict with 'data' of N×3072 or N×3×32×32 bytes): save arrays as npy or npz instead";
  }
  const labels = LABELS.map(entry).find((found) => found !== undefined);
  return { data: array.bytes, labels: labelsOf(labels, array.bytes.length / PICTURE) };
}

/** Keys are bytes where Python 2 wrote them, and Python 3 reads them so. */
function textOf(key: PickleValue): string | undefined {
  if (typeof key === "string") return key;
  const bytes = pickledBytes(key);
  return bytes && new TextDecoder().decode(bytes);
}

/** A list of numbers, or an array of whole ones. */
function labelsOf(value: PickleValue | undefined, count: number): readonly number[] | undefined {
  const array = pickledArray(value);
  if (array !== undefined) return numbersOf(array, count);
  if (!isRecord(value, "list") || value.items.length !== count) return undefined;
  const labels = value.items.filter((label) => typeof label === "number");
  return labels.length === count ? labels : undefined;
}

function numbersOf({ bytes, dtype, shape }: PickledArray, count: number): number[] | undefined {
  const type = { kind: dtype[0], width: Number(dtype.slice(1)), isLittle: true };
  const isEach = shape[0] === count && shape.every((length, axis) => axis === 0 || length === 1);
  if (!isEach || !/^[ui]/.test(dtype) || !isNumberType(type)) return undefined;
  if (bytes.length !== count * type.width) return undefined;
  const read = numberReader(type);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: count }, (_, i) => read(view, i * type.width));
}
