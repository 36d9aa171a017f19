import { ProtocolError } from "../../errors.ts";
import type { ByteSource } from "../byte-source.ts";
import type { Format, ModelFile, TensorPart } from "../model-file.ts";
import { recogniseFormat } from "../recognise-format.ts";
import type { FolderFormat, FolderModel } from "./folder-format.ts";
import { badFolder, isObject, MOST_FILES, openNamed, readJson, type Folder } from "./folder.ts";

/** What such an index is called, in the order in which one is taken where a folder has several. */
const USUAL = ["model.safetensors.index.json", "pytorch_model.bin.index.json"];

/**
 * A model in several files and an index of which tensor is in which, as Hugging Face has models of more
 * than a few gigabytes (`weight_map` of `model.safetensors.index.json`).
 *
 * @param formats of the files
 */
export function sharded(formats: readonly Format[]): FolderFormat {
  return {
    name: "a model in parts",
    usual: USUAL,
    mains: (names) => {
      const usual = USUAL.find((name) => names.includes(name));
      return usual === undefined ? names.filter((name) => name.endsWith(".index.json")) : [usual];
    },
    members: async (folder, main) => {
      const { shards } = await readIndex(folder, main);
      for (const shard of shards) await openNamed(folder, shard, main);
      return [main, ...shards];
    },
    open: async (folder, main) => {
      const { shardOf, shards } = await readIndex(folder, main);
      const files = new Map<string, ModelFile>();
      for (const shard of shards) {
        files.set(shard, await openShard(formats, await openNamed(folder, shard, main), shard));
      }
      return joined(files, shardOf, main);
    },
  };
}

interface Index {
  readonly shardOf: ReadonlyMap<string, string>;
  /** In the order of their names, which is that of the model. */
  readonly shards: readonly string[];
}

async function readIndex(folder: Folder, main: string): Promise<Index> {
  const { content } = await readJson(folder, main);
  const { weight_map: map } = content;
  if (!isObject(map) || !Object.values(map).every((shard) => typeof shard === "string")) {
    throw badFolder(`'${main}' has no weight_map from names of tensors to names of files`);
  }
  const shardOf = new Map(Object.entries(map) as [string, string][]);
  const shards = [...new Set(shardOf.values())].sort();
  if (shards.length === 0 || shards.length > MOST_FILES) {
    throw badFolder(`'${main}' names ${shards.length} files, a model has 1 to ${MOST_FILES}`);
  }
  return { shardOf, shards };
}

async function openShard(
  formats: readonly Format[],
  source: ByteSource,
  shard: string,
): Promise<ModelFile> {
  try {
    return await recogniseFormat(formats, source);
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause;
    throw new ProtocolError(cause.code, `'${shard}': ${cause.message}`, {}, { cause });
  }
}

function joined(
  files: ReadonlyMap<string, ModelFile>,
  shardOf: ReadonlyMap<string, string>,
  main: string,
): FolderModel {
  const homes = new Map<string, string>();
  for (const [shard, { tensors }] of files) {
    for (const { name } of tensors) {
      const other = homes.get(name);
      if (other !== undefined) {
        throw badFolder(
          `tensor '${name}' is in '${other}' and in '${shard}': which counts is not said`,
        );
      }
      homes.set(name, shard);
    }
  }
  for (const [name, shard] of shardOf) {
    if (homes.get(name) !== shard) {
      throw badFolder(
        `'${main}' says that tensor '${name}' is in '${shard}', and it is ${homes.has(name) ? `in '${homes.get(name)}'` : "in none of its files"}: the files are not of one model`,
      );
    }
  }
  const all = [...files.values()];
  return {
    kind: `${all[0]!.kind} in ${files.size} files`,
    tensors: all.flatMap(({ tensors }) => tensors),
    metadata: new Map(all.flatMap(({ metadata }) => [...metadata])),
    findings: all.flatMap(({ findings }) => findings),
    read: (parts) => readParts(files, homes, parts),
    restore: (values) =>
      new Map([...files].map(([shard, file]) => [shard, () => file.restore(values)])),
  };
}

async function* readParts(
  files: ReadonlyMap<string, ModelFile>,
  homes: ReadonlyMap<string, string>,
  parts: readonly TensorPart[],
) {
  const byShard = new Map<string, TensorPart[]>();
  for (const part of parts) {
    const shard = homes.get(part.name);
    if (shard === undefined) throw new RangeError(`the files have no tensor '${part.name}'`);
    const own = byShard.get(shard);
    if (own === undefined) byShard.set(shard, [part]);
    else own.push(part);
  }
  for (const [shard, own] of byShard) yield* files.get(shard)!.read(own);
}
