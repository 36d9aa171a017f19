import { ProtocolError } from "../../errors.ts";
import { sizeOf } from "../../model/values.ts";
import { readBytes } from "../byte-source.ts";
import { beyondEncoding } from "../float-encodings.ts";
import type { NewValues } from "../model-file.ts";
import { isAsStored, place, turnedBack } from "./axes.ts";
import { bytesOf, type Manifest, type Shard, type StoredWeight } from "./manifest.ts";
import type { FloatWeight } from "./read-weights.ts";
import { encodeStored, type Grid } from "./stored-values.ts";

/** Most values of a weight that are turned at once: 16 MiB. */
const BLOCK_VALUES = 2 ** 22;

/** Most values in a piece. */
const PIECE_VALUES = 2 ** 18;

/** Values of a weight in the file's order. */
interface Block {
  readonly weight: FloatWeight;
  readonly first: number;
  readonly values: Float32Array;
}

/**
 * Writes new values of weights into the bytes of their shards.
 *
 * @param grids of weights whose numbers stand for other values than in the file
 */
export class WeightsRestorer {
  readonly #manifest: Manifest;
  readonly #weights: ReadonlyMap<string, FloatWeight>;
  readonly #values: NewValues;
  readonly #grids: ReadonlyMap<string, Grid>;
  #block: Block | undefined;

  constructor(
    manifest: Manifest,
    weights: ReadonlyMap<string, FloatWeight>,
    values: NewValues,
    grids: ReadonlyMap<string, Grid>,
  ) {
    this.#manifest = manifest;
    this.#weights = weights;
    this.#values = values;
    this.#grids = grids;
  }

  /**
   * The bytes of a shard.
   *
   * @throws ProtocolError `non-finite-weights` when a value is not finite as the file stores it.
   */
  async *shard(group: number, { begin, end }: Shard): AsyncGenerator<Uint8Array> {
    for (const weight of this.#manifest.weights) {
      if (weight.group !== group || weight.end <= begin || weight.begin >= end) continue;
      yield* this.#bytes(weight, Math.max(begin, weight.begin), Math.min(end, weight.end));
    }
  }

  /** Bytes [from, to) of the group, which are of this weight. */
  async *#bytes(stored: StoredWeight, from: number, to: number): AsyncGenerator<Uint8Array> {
    const { source } = this.#manifest.groups[stored.group]!;
    const weight = this.#weights.get(stored.name);
    const width = bytesOf(stored.storage);
    let at = from;
    while (at < to) {
      // Shards are cut anywhere, also within a value.
      const first = Math.floor((at - stored.begin) / width);
      const length = Math.min(PIECE_VALUES, Math.ceil((to - stored.begin) / width) - first);
      const begin = stored.begin + first * width;
      const bytes = await readBytes(source, begin, begin + length * width);
      const written =
        weight !== undefined && this.#values.has(weight.name)
          ? this.#encoded(weight, await this.#valuesAt(weight, first, length), bytes)
          : bytes;
      yield written.subarray(at - begin, Math.min(to, begin + written.length) - begin);
      at = begin + written.length;
    }
  }

  #encoded(weight: FloatWeight, values: Float32Array, stored: Uint8Array): Uint8Array {
    const { storage } = weight;
    const beyond = beyondEncoding(storage.kind === "float16" ? "F16" : "F32", values);
    if (beyond >= 0) {
      throw new ProtocolError(
        "non-finite-weights",
        `tensor '${weight.name}' holds ${values[beyond]}, which ${storage.kind} cannot hold`,
      );
    }
    const own: Grid = "min" in storage ? storage : { min: 0, scale: 1 };
    const grid = this.#grids.get(weight.name);
    return grid === undefined
      ? encodeStored(storage.kind, values, own, stored)
      : encodeStored(storage.kind, values, grid);
  }

  /** Values in the file's order. */
  async #valuesAt(weight: FloatWeight, first: number, length: number): Promise<Float32Array> {
    if (isAsStored(weight.axes)) {
      return await this.#values.read({ name: weight.name, first, length });
    }
    const given = new Float32Array(length);
    let done = 0;
    while (done < length) {
      const block = await this.#blockAt(weight, first + done);
      const from = first + done - block.first;
      const run = block.values.subarray(from, from + length - done);
      given.set(run, done);
      done += run.length;
    }
    return given;
  }

  /** The block in which a value is, made by going through the whole weight. */
  async #blockAt(weight: FloatWeight, value: number): Promise<Block> {
    const first = value - (value % BLOCK_VALUES);
    if (this.#block?.weight === weight && this.#block.first === first) return this.#block;
    this.#block = undefined;
    const size = sizeOf(weight.shape);
    const values = new Float32Array(Math.min(BLOCK_VALUES, size - first));
    const inFile = turnedBack(weight.axes);
    for (let from = 0; from < size; from += PIECE_VALUES) {
      const length = Math.min(PIECE_VALUES, size - from);
      const read = await this.#values.read({ name: weight.name, first: from, length });
      place(inFile, read, from, values, first);
    }
    this.#block = { weight, first, values };
    return this.#block;
  }
}
