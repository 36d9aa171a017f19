import type { Format } from "../model-file.ts";
import type { FolderFormat } from "./folder-format.ts";
import { onnxFolder } from "../onnx/onnx-folder.ts";
import { sharded } from "./sharded.ts";
import { singleFile } from "./single-file.ts";
import { tfjs } from "../tfjs/tfjs.ts";

/**
 * The formats of models in several files; the first one that has something to open in a folder is taken.
 *
 * @param formats of models in one file
 */
export function folderFormats(formats: readonly Format[]): readonly FolderFormat[] {
  return [tfjs, sharded(formats), singleFile(formats), onnxFolder];
}
