import type { ByteSource } from "./byte-source.ts";
import { FORMATS } from "./formats.ts";
import { withInputNormalisation } from "./input-normalisation.ts";
import type { ModelFile } from "./model-file.ts";
import { recogniseFormat } from "./recognise-format.ts";

/**
 * Opens a model file of any format.
 *
 * @throws ProtocolError `malformed-model`.
 *
 * @example
 * const { tensors } = await openModelFile(bytesInMemory(await readFile("teacher.safetensors")));
 */
export async function openModelFile(source: ByteSource): Promise<ModelFile> {
  return await withInputNormalisation(await recogniseFormat(FORMATS, source));
}
