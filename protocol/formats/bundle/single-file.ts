import type { Format, ModelFile } from "../model-file.ts";
import { changedSets } from "../networks/changed-sets.ts";
import { recogniseFormat } from "../recognise-format.ts";
import type { FolderFormat, FolderModel } from "./folder-format.ts";
import { openNamed } from "./folder.ts";
import { isPart } from "./model-part.ts";

/** What model files are called, in the order in which one is taken where a folder has several. */
const USUAL = ["model.safetensors", "pytorch_model.bin"];

const MODEL_FILE = /\.(safetensors|pt|pth|th|ckpt|tar|bin)$/i;

/** A model file by itself, with or without others that say more of it. */
export function singleFile(formats: readonly Format[]): FolderFormat {
  return {
    name: "one model file",
    usual: USUAL,
    mains: (names) => {
      const usual = USUAL.find((name) => names.includes(name));
      if (usual !== undefined) return [usual];
      const models = names.filter((name) => MODEL_FILE.test(name) && !isPart(name));
      // Beside an ONNX file a .bin holds that one's weights.
      const isOnnx = names.some((name) => /\.onnx$/i.test(name));
      return isOnnx ? models.filter((name) => !/\.bin$/i.test(name)) : models;
    },
    members: (_folder, main) => Promise.resolve([main]),
    open: async (folder, main) => {
      return inFolder(await recogniseFormat(formats, await openNamed(folder, main, main)), main);
    },
  };
}

function inFolder(file: ModelFile, main: string): FolderModel {
  const { extension: _extension, restore, sets, totalBytes: _totalBytes, ...inside } = file;
  return {
    ...inside,
    ...(sets && { sets: changedSets(sets, (set) => inFolder(set, main)) }),
    restore: (values) => new Map([[main, () => restore(values)]]),
  };
}
