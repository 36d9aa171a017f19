/**
 * What people take for a model file that is read here: told by its beginning, and answered with what it
 * is and what to do next. A format that comes to read one of these has no more need of its line.
 */
interface OtherFile {
  /** Whether a file that begins so is one. */
  isOne(start: Uint8Array): boolean;
  readonly advice: string;
}

const UNPACK =
  "unpack it, and name the model file in it, or the folder where the model is a folder of files";
const KERAS =
  "pip install tensorflowjs, then tensorflowjs_converter --input_format=keras FILE FOLDER, and name the folder";
const PYTORCH = "torch.save(model.state_dict(), FILE) writes one that is read";
const AS_TRAINED = "bring the model as it was trained, in PyTorch's or Keras' own file";

/** Bytes at an offset: text, or numbers. */
function at(offset: number, bytes: string | readonly number[]): OtherFile["isOne"] {
  const codes = typeof bytes === "string" ? [...bytes].map((char) => char.charCodeAt(0)) : bytes;
  return (start) => codes.every((code, i) => start[offset + i] === code);
}

function any(...kinds: readonly OtherFile["isOne"][]): OtherFile["isOne"] {
  return (start) => kinds.some((isOne) => isOne(start));
}

/** What text begins with, white space and a byte order mark apart. */
function text(beginning: RegExp): OtherFile["isOne"] {
  return (start) => beginning.test(latin(start).replace(/^(?:\u00ef\u00bb\u00bf)?\s*/u, ""));
}

/** A character a byte. */
function latin(start: Uint8Array): string {
  return Array.from(start, (code) => String.fromCharCode(code)).join("");
}

/** Core ML's message: a version (field 1), then a description (field 2) that begins with the inputs (field 1). */
export function isCoreMl(start: Uint8Array): boolean {
  if (start[0] !== 0x08 || start[2] !== 0x12) return false;
  const lengthEnd = start.findIndex((byte, i) => i >= 3 && byte < 0x80);
  return start[lengthEnd + 1] === 0x0a;
}

/** `saved_model.pb`: a version, then a graph (field 2) that begins with what is said of it (field 1), a list of operations or tags. */
function isSavedModel(start: Uint8Array): boolean {
  if (start[0] !== 0x08 || start[1] !== 1 || start[2] !== 0x12) return false;
  const said = afterLength(start, 3);
  return start[said] === 0x0a && [0x12, 0x22].includes(start[afterLength(start, said + 1)]!);
}

/** A graph's first node (field 1), whose name (field 1) stands before its operation (field 2). */
function isGraphDef(start: Uint8Array): boolean {
  const name = afterLength(start, 1);
  if (start[0] !== 0x0a || start[name] !== 0x0a) return false;
  return start[name + 2 + start[name + 1]!] === 0x12;
}

/** Where what has a length at a place begins. */
function afterLength(start: Uint8Array, place: number): number {
  return start.findIndex((byte, i) => i >= place && byte < 0x80) + 1;
}

/** Two bytes that stand between a bitmap's length and where its pixels begin are 0, twice. */
function isBitmap(start: Uint8Array): boolean {
  return at(0, "BM")(start) && at(6, [0, 0, 0, 0])(start);
}

function isPlainText(start: Uint8Array): boolean {
  return start.every((code) => code === 9 || code === 10 || code === 13 || code >= 32);
}

/** The first that fits is taken. */
const OTHER_FILES: readonly OtherFile[] = [
  {
    isOne: (start) => start.length === 0,
    advice: "the file is empty: fetch or write it again",
  },
  {
    isOne: text(/^version https:\/\/git-lfs/),
    advice:
      "this is a Git LFS pointer, a few lines in place of the file itself: `git lfs pull` in its repository fetches that",
  },
  {
    isOne: text(/^(\.\.\/)*(\.git|\/)?\/?annex\/objects\/|^outs:\s*-\s+\w+:/),
    advice:
      "this is a pointer of git-annex or DVC, a few lines in place of the file itself: `git annex get` or `dvc pull` in its repository fetches that",
  },
  {
    isOne: text(
      /^(entry not found|not found|file not found|repository not found|40[134]\b|access (to .{1,80} )?(is )?(denied|restricted)|forbidden|unauthorized|invalid username|\{\s*"(error|message)"|(<\?xml[^>]*>\s*)?<error>)/i,
    ),
    advice:
      "this is what a server said in place of the file: that it has no such file, or asks for a login. Compare the address with the repository's list of files, and give a token where the model is not public",
  },
  {
    isOne: text(/^(<!doctype html|<(html|head|title|body|meta|script)\b|<!--)/i),
    advice:
      "this is a web page, saved where a file was meant: the address is that of a page about the model, or asked for a login. Download the file itself (on Hugging Face 'resolve' instead of 'blob' in the address)",
  },
  {
    isOne: text(/^(<\?xml[^>]*>\s*)?<net\s/),
    advice: `this is a network for OpenVINO, made to be run: ${AS_TRAINED}, or the ONNX that it was made from`,
  },
  { isOne: text(/^<\?xml/), advice: "this is an XML document, and no model file" },
  {
    isOne: text(/^\{[^]*"weight_map"/),
    advice:
      "this is the index of a model in several files: name it or its folder where those files lie beside it",
  },
  {
    isOne: text(/^\{[^]*"(modelTopology|weightsManifest|format"\s*:\s*"(layers|graph)-model)"/),
    advice:
      "this is model.json of a TensorFlow.js model without its weights: name it or its folder where the files that its weightsManifest lists lie beside it",
  },
  {
    isOne: text(/^\[\s*\{\s*"(weights|paths)"/),
    advice:
      "this is a manifest of TensorFlow.js' weights alone, and the network that they are of is in somebody's program: save the model there with model.save",
  },
  {
    isOne: text(/^(\{|\[\s*[[{"\d\]-])/),
    advice:
      "this is JSON, which describes a model at most: name the file of its weights, or the folder that holds both",
  },
  {
    isOne: at(0, [0x1f, 0x8b]),
    advice: `this is packed with gzip (.gz, .tgz): ${UNPACK}`,
  },
  { isOne: at(0, "BZh"), advice: `this is packed with bzip2 (.bz2): ${UNPACK}` },
  { isOne: at(0, [0xfd, 0x37, 0x7a, 0x58, 0x5a]), advice: `this is packed with xz: ${UNPACK}` },
  {
    isOne: at(0, [0x28, 0xb5, 0x2f, 0xfd]),
    advice: `this is packed with Zstandard (.zst): ${UNPACK}`,
  },
  { isOne: at(0, [0x37, 0x7a, 0xbc, 0xaf]), advice: `this is a 7-Zip archive: ${UNPACK}` },
  { isOne: at(0, "Rar!"), advice: `this is a RAR archive: ${UNPACK}` },
  {
    isOne: (start) =>
      at(257, "ustar")(start) && /^(\.\/)?(sys_info|pickle|storages|tensors)\0/.test(latin(start)),
    advice:
      "this is what torch.save wrote before 2017, a tar: load it with PyTorch (torch.load still reads it), and save its state dict again",
  },
  { isOne: at(257, "ustar"), advice: `this is a tar archive: ${UNPACK}` },
  {
    isOne: at(0, "\u0089HDF\r\n"),
    advice: `this is HDF5, as Keras writes .h5 and .hdf5 files, which is not read: convert it with ${KERAS}`,
  },
  {
    isOne: any(at(0, "GGUF"), at(0, "lmgg"), at(0, "tjgg"), at(0, "ggml")),
    advice:
      "this is GGUF (or GGML), the format of llama.cpp for language models: Scour cleanses image classifiers",
  },
  {
    isOne: at(4, "TFL3"),
    advice: `this is TensorFlow Lite, made to be run on devices: ${AS_TRAINED} (a Keras model by ${KERAS})`,
  },
  {
    isOne: any(at(0, "ftrt"), at(0, "ptrt")),
    advice: `this is an engine of TensorRT, compiled for one GPU: ${AS_TRAINED}, or the ONNX that it was built from`,
  },
  {
    isOne: at(4, "ORTM"),
    advice: "this is ONNX Runtime's own format (.ort): bring the .onnx that it was made from",
  },
  {
    isOne: any(at(4, "ET12"), at(4, "ET13")),
    advice: `this is a program for ExecuTorch (.pte), made to be run on devices: ${AS_TRAINED}`,
  },
  {
    isOne: isSavedModel,
    advice:
      "this is the network of a SavedModel of TensorFlow without its weights: pip install tensorflowjs, then tensorflowjs_converter --input_format=tf_saved_model FOLDER OUTPUT with the folder that it lies in, and name OUTPUT",
  },
  {
    isOne: isGraphDef,
    advice:
      "this is a frozen graph of TensorFlow (.pb): pip install tensorflowjs, then tensorflowjs_converter --input_format=tf_frozen_model --output_node_names=NODE FILE FOLDER, and name the folder",
  },
  {
    isOne: isCoreMl,
    advice: `this is a Core ML model, made to be run on Apple's devices: ${AS_TRAINED}`,
  },
  {
    isOne: at(0, [0x12, 1, 0, 0, 0, 0, 0, 0]),
    advice:
      "this is a file of MXNet's parameters, which is not read: export it to ONNX (mxnet.onnx.export_model)",
  },
  {
    isOne: at(0, "\u0093NUMPY"),
    advice: `this is one NumPy array, and no model: ${PYTORCH}`,
  },
  {
    isOne: any(
      (start) => start[0] === 0x80 && start[1]! >= 2 && start[1]! <= 5,
      text(/^(\((dp|lp)\d+\n|c[A-Za-z_][\w.]*\n\w+\n)/),
    ),
    advice: `this is a Python pickle, and not one that torch.save wrote (scikit-learn and joblib write such): pickles are not run here; ${PYTORCH}`,
  },
  {
    isOne: at(0, "PK\u0005\u0006"),
    advice: "this is a zip archive that holds nothing: pack or fetch it again",
  },
  {
    isOne: any(
      at(0, "\u0089PNG"),
      at(0, [0xff, 0xd8, 0xff]),
      at(0, "GIF8"),
      at(8, "WEBP"),
      isBitmap,
      text(/^P[1-7]\s/),
      at(0, [0, 0, 1, 0]),
      at(4, "jP  "),
      at(0, "II*\u0000"),
      at(0, "MM\u0000*"),
      at(4, "ftyp"),
    ),
    advice:
      "this is a picture or a film, and no model: pictures go with --images, models with --model",
  },
  {
    isOne: any(at(0, [0, 0, 8, 1]), at(0, [0, 0, 8, 3])),
    advice:
      "this is one of MNIST's files, of pictures or their labels, and no model: pictures go with --images, models with --model",
  },
  {
    isOne: at(0, "PAR1"),
    advice:
      "this is parquet, a table, and no model: one of pictures goes with --images, models with --model",
  },
  { isOne: at(0, "%PDF"), advice: "this is a PDF, and no model file" },
  {
    isOne: isPlainText,
    advice: `this is a text file, and no model file: where it is a program that makes a model, run it and save the weights; ${PYTORCH}`,
  },
];

/**
 * What a file seems to be that no format reads, and what to do; undefined where nothing is known that
 * begins so.
 *
 * @param start the file's first bytes, `START_BYTES` of them if it has as many
 */
export function adviceFor(start: Uint8Array): string | undefined {
  return OTHER_FILES.find(({ isOne }) => isOne(start))?.advice;
}
