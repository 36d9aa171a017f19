import { ProtocolError } from "../../errors.ts";
import { readBytes, type ByteRun, type ByteSource } from "../byte-source.ts";
import { encodeFloats, encodeOver, isExact } from "../float-encodings.ts";
import type { NewValues } from "../model-file.ts";
import { readNewValues } from "../new-values.ts";
import type { Storages } from "./storages.ts";
import { byStorage, namesInCommon, type Weight } from "./weights.ts";

/** Bytes of a storage written in one step, and most values that are asked for at once. */
const PIECE_BYTES = 2 ** 20;
const PIECE_VALUES = 2 ** 18;

/**
 * The file with new values of weights in its storages (SPEC T7). A storage is written once, whatever is a
 * view of it; what no new value lies on keeps its bytes.
 *
 * @param weights those that have a name in common get the same new values
 *
 * @throws ProtocolError `non-finite-weights`, or `unsupported-model` when weights that share stored values
 *   come with different ones.
 */
export async function* restoredWeights(
  storages: Storages,
  weights: readonly Weight[],
  values: NewValues,
): AsyncGenerator<Uint8Array> {
  const renewed = byStorage(weights.filter(({ name }) => values.has(name)));
  const places = await storages.locate(renewed.keys());
  const contents = new Map(
    Array.from(renewed, ([key, views]) => {
      const content = () => storageContent(storages.source, places.get(key)!, views, values);
      return [key, content];
    }),
  );
  yield* storages.rewrite(contents);
}

async function* storageContent(
  source: ByteSource,
  place: ByteRun,
  views: readonly Weight[],
  values: NewValues,
): AsyncGenerator<Uint8Array> {
  const common = namesInCommon(views);
  for (let begin = place.begin; begin < place.end; begin += PIECE_BYTES) {
    const end = Math.min(place.end, begin + PIECE_BYTES);
    const piece = new Piece(await readBytes(source, begin, end), begin - place.begin);
    for (const weight of views) await piece.renew(weight, values, common);
    yield piece.bytes;
  }
}

/** A run of a storage that new values are laid on. */
class Piece {
  readonly bytes: Uint8Array;
  /** Where in the storage it begins. */
  readonly #begin: number;
  /** Bytes that new values lie on already, where weights have some in common. */
  #taken: Uint8Array | undefined;

  /** @param stored its bytes before, which stay as they are */
  constructor(stored: Uint8Array, begin: number) {
    // A copy whatever the source gives: `slice` of Node's Buffer is a view.
    this.bytes = new Uint8Array(stored);
    this.#begin = begin;
  }

  async renew(weight: Weight, values: NewValues, common: ReadonlySet<string>): Promise<void> {
    const { encoding, name, view, width } = weight;
    const begin = this.#begin / width;
    const end = begin + Math.floor(this.bytes.length / width);
    const [from, to] = view.valuesWithin(begin, end);
    const others = common.has(name) ? common : undefined;
    for (let first = from; first < to; first += PIECE_VALUES) {
      const length = Math.min(PIECE_VALUES, to - first);
      const given = await readNewValues(values, { name, first, length }, encoding);
      if (view.isInOrder) {
        const at = (view.spanOf(first, length)[0] - begin) * width;
        const renewed = encoded(weight, given, this.bytes.subarray(at, at + length * width));
        this.#lay(renewed, at, name, others);
      } else {
        this.#scatter(weight, given, view.places(first, length), others);
      }
    }
  }

  /** Values that do not follow each other in the storage, as far as they lie in the piece. */
  #scatter(
    weight: Weight,
    given: Float32Array,
    places: Float64Array,
    others: ReadonlySet<string> | undefined,
  ): void {
    const { name, width } = weight;
    const starts = new Int32Array(places.length);
    const stored = new Uint8Array(places.length * width);
    for (let i = 0; i < starts.length; i++) {
      const at = places[i]! * width - this.#begin;
      starts[i] = at >= 0 && at + width <= this.bytes.length ? at : OUTSIDE;
      if (starts[i] === OUTSIDE) continue;
      for (let byte = 0; byte < width; byte++) stored[i * width + byte] = this.bytes[at + byte]!;
    }
    const renewed = encoded(weight, given, stored);
    for (let i = 0; i < starts.length; i++) {
      const at = starts[i]!;
      if (at === OUTSIDE) continue;
      if (others === undefined) {
        for (let byte = 0; byte < width; byte++) this.bytes[at + byte] = renewed[i * width + byte]!;
      } else {
        this.#lay(renewed.subarray(i * width, (i + 1) * width), at, name, others);
      }
    }
  }

  /** @param others whom the weight has stored values in common with, if it has */
  #lay(
    renewed: Uint8Array,
    at: number,
    name: string,
    others: ReadonlySet<string> | undefined,
  ): void {
    if (others !== undefined) {
      this.#taken ??= new Uint8Array(this.bytes.length);
      for (let i = 0; i < renewed.length; i++) {
        if (this.#taken[at + i] === 1 && this.bytes[at + i] !== renewed[i]) {
          throw new ProtocolError(
            "unsupported-model",
            `${[...others].map((other) => `'${other}'`).join(", ")} share their values in the file, and '${name}' comes with others: save the model with a copy for each (.clone())`,
          );
        }
        this.#taken[at + i] = 1;
      }
    }
    this.bytes.set(renewed, at);
  }
}

/** The start of what lies outside of a piece. */
const OUTSIDE = -1;

/** Bytes in the place of those that are stored. */
function encoded({ encoding }: Weight, given: Float32Array, stored: Uint8Array): Uint8Array {
  return isExact(encoding) ? encodeFloats(encoding, given) : encodeOver(encoding, given, stored);
}
