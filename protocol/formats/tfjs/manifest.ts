import { sizeOf } from "../../model/values.ts";
import {
  badFolder,
  isObject,
  MOST_FILES,
  openNamed,
  type Folder,
  type Json,
} from "../bundle/folder.ts";
import { joinedSource } from "../bundle/joined-source.ts";
import type { ByteSource } from "../byte-source.ts";

/**
 * The weights manifest of TensorFlow.js (tfjs-core `io/types.ts`: `WeightsManifestConfig`): groups of
 * weights, each group's bytes in shards that are cut anywhere, its weights behind each other.
 */

/** How floats stand in the shards: what can be read as weights. */
export type FloatStorage =
  | { readonly kind: "float32" | "float16" }
  /** value = number·scale + min. */
  | { readonly kind: "uint8" | "uint16"; readonly min: number; readonly scale: number };

/** How a weight's values stand in its shards. */
export type Storage = FloatStorage | { readonly kind: "int32" | "bool" };

export interface StoredWeight {
  readonly name: string;
  /** As the manifest has it: TensorFlow's order of axes. */
  readonly shape: readonly number[];
  /** What it is once it is read. */
  readonly dtype: "float32" | "int32" | "bool";
  readonly storage: Storage;
  readonly group: number;
  /** Where in the manifest it stands. */
  readonly index: number;
  /** First byte within its group. */
  readonly begin: number;
  readonly end: number;
}

export interface Shard {
  readonly path: string;
  /** First byte within its group. */
  readonly begin: number;
  readonly end: number;
}

export interface Manifest {
  /** In the manifest's order. */
  readonly weights: readonly StoredWeight[];
  readonly groups: readonly { readonly source: ByteSource; readonly shards: readonly Shard[] }[];
}

const BYTES: Readonly<Record<Storage["kind"], number>> = {
  float32: 4,
  float16: 2,
  int32: 4,
  bool: 1,
  uint8: 1,
  uint16: 2,
};

/** Bytes of one value. */
export function bytesOf({ kind }: Storage): number {
  return BYTES[kind];
}

const MANIFEST = "its weightsManifest";

/** The paths of all shards, as the manifest names them. */
export function shardPaths(content: Json): string[] {
  return groupsOf(content).flatMap(({ paths }) => paths);
}

/**
 * Reads the manifest and finds its shards.
 *
 * @param main file in which it stands, for messages
 * @throws ProtocolError `malformed-model` for a shard that is missing or of another length, and for what
 *   is no such manifest.
 */
export async function readManifest(folder: Folder, main: string, content: Json): Promise<Manifest> {
  const names = new Set<string>();
  const groups: Manifest["groups"][number][] = [];
  const weights: StoredWeight[] = [];
  for (const [group, { paths, specs }] of groupsOf(content).entries()) {
    const shards: Shard[] = [];
    const sources: ByteSource[] = [];
    // Its own text would change with the weights that stand in it.
    if (paths.includes(main)) {
      throw badFolder(`${MANIFEST} names '${main}', in which it stands, as a file of weights`);
    }
    let at = 0;
    for (const path of paths) {
      const source = await openNamed(folder, path, main);
      shards.push({ path, begin: at, end: at + source.totalBytes });
      sources.push(source);
      at += source.totalBytes;
    }
    let begin = 0;
    for (const [index, spec] of specs.entries()) {
      const weight = weightOf(spec, group, index, begin);
      if (names.has(weight.name)) throw badFolder(`'${weight.name}' is twice in ${MANIFEST}`);
      names.add(weight.name);
      weights.push(weight);
      begin = weight.end;
    }
    if (begin !== at) {
      throw badFolder(
        `${MANIFEST} lists weights of ${begin} bytes, and ${paths.map((path) => `'${path}'`).join(", ")} hold ${at}: a file is cut short, or of another model`,
      );
    }
    groups.push({ source: joinedSource(sources), shards });
  }
  return { weights, groups };
}

function groupsOf({ weightsManifest: listed }: Json): { paths: string[]; specs: Json[] }[] {
  if (!Array.isArray(listed)) throw badFolder(`the model has no weightsManifest`);
  const groups = listed.map((group: unknown) => {
    const { paths, weights } = isObject(group) ? group : {};
    const isRight =
      Array.isArray(paths) &&
      Array.isArray(weights) &&
      paths.every((path) => typeof path === "string") &&
      weights.every(isObject);
    if (!isRight) throw badFolder(`${MANIFEST} has a group without paths and weights`);
    return { paths: paths as string[], specs: weights as Json[] };
  });
  const paths = groups.flatMap((group) => group.paths);
  if (paths.length > MOST_FILES) {
    throw badFolder(`${MANIFEST} names ${paths.length} files, a model has at most ${MOST_FILES}`);
  }
  if (new Set(paths).size < paths.length) throw badFolder(`${MANIFEST} names a file twice`);
  return groups;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function weightOf(spec: Json, group: number, index: number, begin: number): StoredWeight {
  const { dtype, name, quantization, shape } = spec;
  if (typeof name !== "string") throw badFolder(`${MANIFEST} has a weight without a name`);
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    throw badFolder(`'${name}' in ${MANIFEST} has no shape of whole numbers`);
  }
  if (dtype !== "float32" && dtype !== "int32" && dtype !== "bool") {
    throw badFolder(
      `'${name}' in ${MANIFEST} is ${String(dtype)}: float32, int32 and bool are read`,
    );
  }
  const storage = storageOf(name, dtype, quantization);
  const bytes = sizeOf(shape as number[]) * bytesOf(storage);
  if (!Number.isSafeInteger(begin + bytes)) throw badFolder(`'${name}' is too large`);
  return {
    name,
    shape: shape as number[],
    dtype,
    storage,
    group,
    index,
    begin,
    end: begin + bytes,
  };
}

function storageOf(name: string, dtype: StoredWeight["dtype"], quantization: unknown): Storage {
  if (quantization === undefined) return { kind: dtype };
  const { dtype: kind, min, scale } = isObject(quantization) ? quantization : {};
  if (dtype === "float32" && kind === "float16") return { kind };
  const isGrid =
    typeof min === "number" && typeof scale === "number" && scale > 0 && Number.isFinite(scale);
  if (dtype === "float32" && (kind === "uint8" || kind === "uint16") && isGrid) {
    return { kind, min, scale };
  }
  throw badFolder(
    `'${name}' in ${MANIFEST} is quantised as ${JSON.stringify(quantization)}: float32 as float16, or as uint8 or uint16 with min and scale, is read`,
  );
}
