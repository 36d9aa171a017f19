import type { Format } from "../model-file.ts";
import { recogniseFormat } from "../recognise-format.ts";
import type { FolderFormat } from "./folder-format.ts";
import { openNamed } from "./folder.ts";

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
      return usual === undefined ? names.filter((name) => MODEL_FILE.test(name)) : [usual];
    },
    members: (_folder, main) => Promise.resolve([main]),
    open: async (folder, main) => {
      const file = await recogniseFormat(formats, await openNamed(folder, main, main));
      const { extension: _extension, restore, totalBytes: _totalBytes, ...inside } = file;
      return { ...inside, restore: (values) => new Map([[main, () => restore(values)]]) };
    },
  };
}
