import { openBundle } from "./bundle/bundle.ts";
import { folderFormats } from "./bundle/folder-formats.ts";
import type { Format } from "./model-file.ts";
import { onnx } from "./onnx/onnx.ts";
import { torchLegacy } from "./pytorch/torch-legacy.ts";
import { torchZip } from "./pytorch/torch-zip.ts";
import { safetensors } from "./safetensors/safetensors.ts";
import { zip, type ZipKind } from "./zip/zip-format.ts";

/** The formats of models in one file that is no zip. */
const FILES: readonly Format[] = [safetensors, torchLegacy];

/** The formats of models in one file that is a zip. */
const ZIPS: readonly [ZipKind] = [torchZip];

/** The formats of models in several files, which are bundled or lie in a folder. */
export const FOLDERS = folderFormats([...FILES, zip(ZIPS), onnx]);

const bundle: ZipKind = {
  isOne: () => true,
  open: (archive) => openBundle(archive, FOLDERS),
};

/** The formats that are read; the first one that a file seems to be of is taken. */
export const FORMATS: readonly Format[] = [...FILES, zip([...ZIPS, bundle]), onnx];
