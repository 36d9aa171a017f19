import { ProtocolError } from "../errors.ts";
import type { ByteSource } from "./byte-source.ts";
import { FORMATS } from "./formats.ts";
import { START_BYTES, type Format, type ModelFile } from "./model-file.ts";

/** What people may take for a model file that is read, by its first bytes. */
const UNREAD = [
  {
    starts: [0x50, 0x4b, 3, 4],
    advice:
      "this is a zip archive (PyTorch's own format is one): save the state dict with safetensors.torch.save_file",
  },
];

/**
 * Tells a file's format by its first bytes: a name may say anything, and a blob has none.
 *
 * @param start the file's first bytes, `START_BYTES` of them if it has as many
 * @throws ProtocolError `malformed-model` that says for each format why it is not that.
 */
function recogniseFormat(start: Uint8Array): Format {
  const reasons: string[] = [];
  for (const format of FORMATS) {
    const reason = format.mismatch(start);
    if (reason === undefined) return format;
    reasons.push(`not ${format.name}: ${reason}`);
  }
  const unread = UNREAD.find(({ starts }) => starts.every((byte, i) => start[i] === byte));
  throw new ProtocolError(
    "malformed-model",
    unread?.advice ??
      `this is no model file that is read here (${reasons.join("; ")}): safetensors.torch.save_file(model.state_dict(), FILE) writes one`,
  );
}

/**
 * Opens a model file of any format.
 *
 * @throws ProtocolError `malformed-model`.
 *
 * @example
 * const { tensors } = await openModelFile(bytesInMemory(await readFile("teacher.safetensors")));
 */
export async function openModelFile(source: ByteSource): Promise<ModelFile> {
  const { totalBytes } = source;
  const start = await source.read(0, Math.min(START_BYTES, totalBytes));
  const read: ByteSource["read"] = (begin, end) =>
    end <= start.length ? start.subarray(begin, end) : source.read(begin, end);
  return recogniseFormat(start).open({ totalBytes, read });
}
