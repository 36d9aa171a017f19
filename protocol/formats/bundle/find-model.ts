import type { FolderFormat } from "./folder-format.ts";
import { badFolder } from "./folder.ts";
import { isPart } from "./model-part.ts";

/** By what a folder's model is opened. */
export interface FoundModel {
  readonly format: FolderFormat;
  readonly main: string;
}

/** What folders hold that is no model that is read, by the names in them, and what to do. */
const OTHER_FOLDERS: readonly { isOne(names: readonly string[]): boolean; advice: string }[] = [
  {
    isOne: (names) => names.includes("saved_model.pb"),
    advice:
      "this is a SavedModel of TensorFlow: pip install tensorflowjs, then tensorflowjs_converter --input_format=tf_saved_model FOLDER OUTPUT, and name OUTPUT",
  },
  {
    isOne: (names) => names.some((name) => /\.(h5|hdf5|keras)$/i.test(name)),
    advice:
      "this is a Keras model: pip install tensorflowjs, then tensorflowjs_converter --input_format=keras FILE FOLDER (a .keras file: model.save('FILE.h5') first), and name the folder",
  },
  {
    isOne: (names) => names.some(isPart),
    advice:
      "these are parts of a model, and the index that says what is in which ('model.safetensors.index.json') is not among them: fetch that too",
  },
  {
    isOne: (names) => names.includes("data.pkl"),
    advice:
      "this is what is in a file of torch.save, unpacked: name that file as it was, or fetch it again",
  },
  {
    isOne: (names) => names.some((name) => /\.npy$/i.test(name)),
    advice:
      "this holds NumPy arrays (.npz is such an archive), and no model: load the weights into the network and write torch.save(model.state_dict(), FILE)",
  },
  {
    isOne: (names) => names.includes("Manifest.json"),
    advice: "this is a Core ML package, made to be run: bring the model as it was trained",
  },
  {
    isOne: (names) => names.some((name) => /\.(png|jpe?g|webp)$/i.test(name)),
    advice: "this holds pictures, and no model: pictures go with --images, models with --model",
  },
];

/**
 * Finds the model among files.
 *
 * @param names of the files that lie in the folder itself
 * @param chosen the file by which it was named, where it was
 * @throws ProtocolError `malformed-model` for none, and for several of one format.
 */
export function findModel(
  formats: readonly FolderFormat[],
  names: readonly string[],
  chosen?: string,
): FoundModel {
  for (const format of formats) {
    const mains = format.mains(chosen === undefined ? names : [chosen]);
    const [main, another] = mains;
    if (main === undefined) continue;
    if (another !== undefined) {
      throw badFolder(
        `there are several models: name one of ${listed(mains)} by its path (one in an archive, once that is unpacked)`,
      );
    }
    return { format, main };
  }
  if (chosen !== undefined) {
    throw badFolder(`'${chosen}' is not what a model is opened by: name its folder`);
  }
  const advice = OTHER_FOLDERS.find(({ isOne }) => isOne(names))?.advice;
  throw badFolder(
    advice ??
      `there is no model among the files (${names.length === 0 ? "none" : listed(names)}): a model is a .safetensors, .pt or .onnx file, model.json of TensorFlow.js, or the .index.json of a model in parts`,
  );
}

const MOST_LISTED = 5;

/** Names for a message, the first of many. */
export function listed(names: readonly string[]): string {
  const first = names.slice(0, MOST_LISTED).map((name) => `'${name}'`);
  const more = names.length - first.length;
  return `${first.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
