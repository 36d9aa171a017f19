import { ProtocolError } from "../errors.ts";
import type { ByteSource } from "./byte-source.ts";
import { START_BYTES, type Format, type ModelFile } from "./model-file.ts";
import { adviceFor } from "./other-files.ts";

/**
 * Opens a file by the first of some formats that it seems to be of: its bytes tell, since a name may say
 * anything, and a blob has none.
 *
 * @throws ProtocolError `malformed-model` that says what it seems to be, or for each format why it is
 *   not that; what the format's `open` throws.
 */
export async function recogniseFormat(
  formats: readonly Format[],
  source: ByteSource,
): Promise<ModelFile> {
  const { totalBytes } = source;
  const start = await source.read(0, Math.min(START_BYTES, totalBytes));
  const read: ByteSource["read"] = (begin, end) =>
    end <= start.length ? start.subarray(begin, end) : source.read(begin, end);
  const release = (bytes: Uint8Array): void => {
    if (bytes.buffer !== start.buffer) source.release?.(bytes);
  };
  const reasons: string[] = [];
  for (const format of formats) {
    const reason = format.mismatch(start);
    if (reason === undefined) return await format.open({ totalBytes, read, release });
    reasons.push(`not ${format.name}: ${reason}`);
  }
  throw new ProtocolError(
    "malformed-model",
    adviceFor(start) ??
      `this is no model file that is read here (${reasons.join("; ")}): safetensors.torch.save_file(model.state_dict(), FILE) writes one. Files of weights of a TensorFlow.js model are named by its model.json; pictures, CIFAR's records among them, go with --images`,
  );
}
