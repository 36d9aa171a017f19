import { describe, expect, it } from "vitest";
import { bytesInMemory } from "../../../../protocol/formats/byte-source.ts";
import { openModelFile } from "../../../../protocol/formats/open-model-file.ts";
import { refusal } from "../problem.ts";

/** A file of 600 bytes that begins so, a character a byte; `at` moves the beginning. */
function file(beginning: string, at = 0): Uint8Array {
  const bytes = new Uint8Array(600);
  bytes.set(
    Uint8Array.from(beginning, (char) => char.charCodeAt(0)),
    at,
  );
  return bytes;
}

const text = (content: string): Uint8Array => new TextEncoder().encode(content);

/** A tar whose first member is what PyTorch wrote first. */
function torchTar(): Uint8Array {
  const tar = file("ustar", 257);
  tar.set(text("sys_info"));
  return tar;
}

const FILES: readonly (readonly [what: string, bytes: Uint8Array, says: RegExp])[] = [
  ["empty", new Uint8Array(), /empty/],
  [
    "a Git LFS pointer",
    text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"),
    /git lfs pull/,
  ],
  ["a git-annex pointer", text("/annex/objects/SHA256E-s4--00.pth\n"), /git annex get/],
  ["a DVC pointer", text("outs:\n- md5: 00\n  path: model.pt\n"), /dvc pull/],
  ["a server's refusal (Hugging Face)", text("Entry not found"), /what a server said.*token/],
  ["a server's refusal (GitHub)", text("404: Not Found"), /what a server said/],
  ["a server's refusal (JSON)", text('{"error":"Repository not found"}'), /what a server said/],
  ["a server's refusal (S3)", text('<?xml version="1.0"?>\n<Error><Code>'), /what a server said/],
  ["a page without a head", text("<title>Virus scan warning</title>"), /web page/],
  ["Darknet's", text("[net]\nbatch=1\n"), /text file/],
  [
    "a SavedModel",
    file("\u0008\u0001\u0012\u0090\u0002\u000a\u0010\u0012\u0005"),
    /SavedModel.*OUTPUT/,
  ],
  [
    "a frozen graph",
    file("\u000a\u001c\u000a\u0005input\u0012\u000bPlaceholder"),
    /tf_frozen_model/,
  ],
  ["a pickle of protocol 0", text("(dp0\nS'a'\np1\nI1\ns."), /pickle.*torch\.save/],
  ["a web page", text("\ufeff\n <!DOCTYPE html><html>"), /web page.*'resolve'/],
  ["OpenVINO's", text('<?xml version="1.0"?>\n<net name="m" version="11">'), /OpenVINO/],
  ["other XML", text('<?xml version="1.0"?><svg/>'), /XML/],
  ["a shards' index", text('{"metadata": {}, "weight_map": {}}'), /index of a model.*folder/],
  ["model.json", text('{"format": "layers-model", "modelTopology": 1}'), /weightsManifest/],
  ["a manifest", text('[{"weights": [], "paths": []}]'), /manifest.*model\.save/],
  ["a configuration", text('{"hidden_act": "gelu"}'), /JSON.*folder/],
  ["gzip", file("\u001f\u008b"), /gzip.*unpack/],
  ["bzip2", file("BZh9"), /bzip2.*unpack/],
  ["xz", file("\u00fd7zXZ\u0000"), /xz.*unpack/],
  ["Zstandard", file("(\u00b5/\u00fd"), /Zstandard.*unpack/],
  ["7-Zip", file("7z\u00bc\u00af'\u001c"), /7-Zip/],
  ["RAR", file("Rar!\u001a"), /RAR/],
  ["tar", file("ustar", 257), /tar archive.*unpack/],
  ["PyTorch's first form", torchTar(), /before 2017.*torch\.load/],
  ["HDF5", file("\u0089HDF\r\n\u001a\n"), /Keras.*tensorflowjs_converter/],
  ["a bitmap", file("BM\u0036\u0001"), /picture/],
  ["text that begins as one", text("BMP, GIF and others: what they are"), /text file/],
  ["a PPM", text("P6\n9 9\n255\n"), /picture.*--images/],
  ["an icon", file("\u0000\u0000\u0001\u0000\u0001"), /picture/],
  ["JPEG 2000", file("\u0000\u0000\u0000\u000cjP  \r\n"), /picture/],
  ["MNIST's", file("\u0000\u0000\u0008\u0003"), /MNIST.*--images/],
  ["parquet", file("PAR1\u0015"), /parquet.*--images/],
  ["GGUF", file("GGUF"), /language models/],
  ["TensorFlow Lite", file("TFL3", 4), /TensorFlow Lite/],
  ["TensorRT", file("ftrt"), /TensorRT/],
  ["ORT", file("ORTM", 4), /\.onnx/],
  ["ExecuTorch", file("ET12", 4), /ExecuTorch/],
  ["Core ML", file("\u0008\u0004\u0012\u0080\u0002\u000a\u0010"), /Core ML/],
  ["MXNet", file("\u0012\u0001"), /MXNet/],
  ["a NumPy array", file("\u0093NUMPY"), /NumPy/],
  ["another pickle", file("\u0080\u0004\u0095"), /pickle.*torch\.save/],
  ["an empty zip", file("PK\u0005\u0006"), /holds nothing/],
  ["a picture", file("\u0089PNG"), /--images/],
  ["a PDF", file("%PDF-1.7"), /PDF/],
  ["a program", text("import torch\n\nmodel = Net()\n"), /text file.*torch\.save/],
];

describe("a file that is no model", () => {
  it.each(FILES)("is told by its beginning: %s", async (_what, bytes, says) => {
    const message = await refusal("malformed-model", openModelFile(bytesInMemory(bytes)));
    expect(message).toMatch(says);
    expect(message).not.toMatch(/header/);
  });

  it("and of bytes that begin as nothing, what they may be is said beside why no format reads them", async () => {
    const message = await refusal(
      "malformed-model",
      openModelFile(bytesInMemory(file("\u0007\u00aa\u0093"))),
    );
    expect(message).toMatch(/not safetensors: .*model\.json; pictures, CIFAR's records/);
  });
});
