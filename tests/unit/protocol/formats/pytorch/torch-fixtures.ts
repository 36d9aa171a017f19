import { concatBytes } from "@noble/hashes/utils.js";
import { readFile } from "node:fs/promises";
import { bytesInMemory } from "../../../../../protocol/formats/byte-source.ts";
import type {
  ModelFile,
  NewValues,
  TensorPart,
} from "../../../../../protocol/formats/model-file.ts";
import { openModelFile } from "../../../../../protocol/formats/open-model-file.ts";
import { sizeOf } from "../../../../../protocol/model/values.ts";
import { makeZip, type ZipShape } from "../zip/make-zip.ts";

/** A file that PyTorch wrote (tests/fixtures/pytorch/make.py). */
export async function ofPyTorch(name: string): Promise<Uint8Array> {
  return await readFile(new URL(`../../../../fixtures/pytorch/${name}`, import.meta.url));
}

/** A zip as `torch.save` writes it, of a pickle and storages by their keys. */
export function torchArchive(
  pickle: Uint8Array,
  storages: Readonly<Record<string, Uint8Array>>,
  { byteOrder = "little", ...shape }: ZipShape & { byteOrder?: string } = {},
): Uint8Array {
  return makeZip(
    [
      ["m/data.pkl", pickle],
      ["m/byteorder", new TextEncoder().encode(byteOrder)],
      ...Object.entries(storages).map(([key, bytes]) => [`m/data/${key}`, bytes] as const),
      ["m/version", new TextEncoder().encode("3\n")],
    ],
    { descriptors: true, padding: 20, ...shape },
  );
}

export const opened = (file: Uint8Array): Promise<ModelFile> => openModelFile(bytesInMemory(file));

/** All values of the float tensors, read in parts of at most `most`. */
export async function valuesOf(file: ModelFile, most = 5): Promise<Map<string, Float32Array>> {
  const found = new Map<string, Float32Array>();
  const parts: TensorPart[] = [];
  for (const { name, shape, values } of file.tensors) {
    if (values !== "floats") continue;
    const size = sizeOf(shape);
    found.set(name, new Float32Array(size));
    for (let first = 0; first < size; first += most) {
      parts.push({ name, first, length: Math.min(most, size - first) });
    }
  }
  for await (const { part, values } of file.read(parts)) {
    found.get(part.name)!.set(values, part.first);
  }
  return found;
}

/** New values out of a map of whole tensors. */
export function newValues(values: ReadonlyMap<string, Float32Array>): NewValues {
  return {
    has: (name) => values.has(name),
    read: ({ first, length, name }) => values.get(name)!.subarray(first, first + length),
  };
}

export async function restored(
  file: ModelFile,
  values: ReadonlyMap<string, Float32Array>,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of file.restore(newValues(values))) pieces.push(piece.slice());
  return concatBytes(...pieces);
}
