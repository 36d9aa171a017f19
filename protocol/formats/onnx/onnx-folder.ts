import { MOST_FILES, badFolder, openNamed, type Folder } from "../bundle/folder.ts";
import type { FolderFormat } from "../bundle/folder-format.ts";
import type { OnnxGraph, OnnxModel } from "./model-proto.ts";
import { openedOnnx, readOnnx } from "./open-onnx.ts";
import type { Sources } from "./read-values.ts";
import { restoredPieces } from "./restore.ts";

/** What such a file is called where a folder has several. */
const USUAL = "model.onnx";

/** An ONNX model with its weights in files beside it: external data. */
export const onnxFolder: FolderFormat = {
  name: "an ONNX model",
  usual: [USUAL],
  mains: (names) =>
    names.includes(USUAL) ? [USUAL] : names.filter((name) => name.endsWith(".onnx")),
  members: async (folder, main) => [main, ...(await read(folder, main)).files],
  open: async (folder, main) => {
    const { files, model, sources } = await read(folder, main);
    const { inside, stored } = openedOnnx(model, sources);
    const pathOf = (file: string | undefined): string => file ?? main;
    const paths = [undefined, ...files];
    return {
      ...inside,
      restore: (values) =>
        new Map(
          paths.map((file) => {
            const here = stored.filter((tensor) => tensor.file === file);
            return [pathOf(file), () => restoredPieces(sources.get(file)!, here, values)];
          }),
        ),
    };
  },
};

async function read(
  folder: Folder,
  main: string,
): Promise<{ model: OnnxModel; files: readonly string[]; sources: Sources }> {
  const own = await openNamed(folder, main, main);
  const model = await readOnnx(own);
  const files = [...new Set(filesOf(model.graph))].sort();
  if (files.length >= MOST_FILES) {
    throw badFolder(`'${main}' names ${files.length} files, a model has at most ${MOST_FILES}`);
  }
  if (files.includes(main)) throw badFolder(`'${main}' names itself as a file of weights`);
  const sources = new Map<string | undefined, Awaited<typeof own>>([[undefined, own]]);
  for (const file of files) sources.set(file, await openNamed(folder, file, main));
  return { model, files, sources };
}

/** Names of the files in which a graph's weights lie. */
function filesOf({ initializers }: OnnxGraph): string[] {
  return initializers.flatMap(({ floats }) => (floats?.file === undefined ? [] : [floats.file]));
}
