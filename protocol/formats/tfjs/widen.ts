import { utf8ToBytes } from "@noble/hashes/utils.js";
import { bytesInMemory, readBytes, type ByteSource } from "../byte-source.ts";
import { isObject, readJson, type Folder, type Json } from "../bundle/folder.ts";
import { encodeFloats } from "../float-encodings.ts";
import { bytesOf, readManifest, type StoredWeight } from "./manifest.ts";
import { decodeStored, isFloatStorage } from "./stored-values.ts";

/** A weight and where it lies once it is float32. */
interface WideWeight {
  readonly stored: StoredWeight;
  readonly begin: number;
  readonly end: number;
}

/**
 * The same model with its quantised weights as float32 (SPEC W7.3): as many files of the same names, of
 * which the shards are computed as they are read.
 *
 * @returns undefined where no weight is quantised
 * @throws ProtocolError `malformed-model`.
 */
export async function widenedFolder(folder: Folder, main: string): Promise<Folder | undefined> {
  const { content } = await readJson(folder, main);
  const { groups, weights } = await readManifest(folder, main, content);
  if (!weights.some(isQuantised)) return undefined;
  const files = new Map<string, ByteSource>();
  for (const [group, { shards, source }] of groups.entries()) {
    const wide = wideWeights(weights.filter((weight) => weight.group === group));
    for (const { begin, end, path } of shards) {
      files.set(path, wideShard(source, wide, wideOffset(wide, begin), wideOffset(wide, end)));
    }
  }
  files.set(main, bytesInMemory(utf8ToBytes(JSON.stringify(withoutQuantisation(content)))));
  return { names: folder.names, open: (path) => files.get(path) ?? folder.open(path) };
}

function isQuantised({ dtype, storage }: StoredWeight): boolean {
  return storage.kind !== dtype;
}

function withoutQuantisation(content: Json): Json {
  const groups = (content["weightsManifest"] as Json[]).map((group) =>
    Object.assign({}, group, { weights: (group["weights"] as unknown[]).map(plain) }),
  );
  return { ...content, weightsManifest: groups };
}

function plain(spec: unknown): unknown {
  if (!isObject(spec)) return spec;
  const { quantization: _, ...others } = spec;
  return others;
}

/** Bytes of one of its values once it is float32. */
function wideBytes(weight: StoredWeight): number {
  return isQuantised(weight) ? 4 : bytesOf(weight.storage);
}

/** Weights of a group behind each other. */
function wideWeights(weights: readonly StoredWeight[]): WideWeight[] {
  let at = 0;
  return weights.map((stored) => {
    const begin = at;
    at += ((stored.end - stored.begin) / bytesOf(stored.storage)) * wideBytes(stored);
    return { stored, begin, end: at };
  });
}

/** Where what began at a byte of a group does now: a shard that was cut within a value, at its beginning. */
function wideOffset(wide: readonly WideWeight[], at: number): number {
  const weight = wide[firstIndex(wide, ({ stored }) => stored.end > at)];
  if (weight === undefined) return wide.at(-1)?.end ?? 0;
  const { begin, stored } = weight;
  const values = Math.floor((at - stored.begin) / bytesOf(stored.storage));
  return begin + values * wideBytes(stored);
}

/** Bytes [begin, end) of a group as float32. */
function wideShard(
  source: ByteSource,
  wide: readonly WideWeight[],
  begin: number,
  end: number,
): ByteSource {
  return {
    totalBytes: end - begin,
    read: async (from, to) => {
      const bytes = new Uint8Array(to - from);
      const [first, last] = [begin + from, begin + to];
      for (let k = firstIndex(wide, (one) => one.end > first); k < wide.length; k++) {
        const weight = wide[k]!;
        if (weight.begin >= last) break;
        const [low, high] = [Math.max(first, weight.begin), Math.min(last, weight.end)];
        bytes.set(await wideRun(source, weight, low, high), low - first);
      }
      return bytes;
    },
  };
}

/** Bytes [from, to) of a group, which are of this weight. */
async function wideRun(
  source: ByteSource,
  { begin, stored }: WideWeight,
  from: number,
  to: number,
): Promise<Uint8Array> {
  const { storage } = stored;
  const [width, wide] = [bytesOf(storage), wideBytes(stored)];
  const first = Math.floor((from - begin) / wide);
  const last = Math.ceil((to - begin) / wide);
  const bytes = await readBytes(source, stored.begin + first * width, stored.begin + last * width);
  const widened =
    isQuantised(stored) && isFloatStorage(storage)
      ? encodeFloats("F32", decodeStored(storage, bytes))
      : bytes;
  return widened.subarray(from - begin - first * wide, to - begin - first * wide);
}

/** Index of the first for which it holds, where it does for all behind; the length where for none. */
function firstIndex<T>(items: readonly T[], holds: (item: T) => boolean): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(items[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}
