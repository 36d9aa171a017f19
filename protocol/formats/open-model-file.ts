import type { NetworkSettings } from "../model/network-settings.ts";
import type { ByteSource } from "./byte-source.ts";
import { FORMATS } from "./formats.ts";
import type { ModelFile } from "./model-file.ts";
import { chosenNetwork } from "./networks/chosen-network.ts";
import { recogniseFormat } from "./recognise-format.ts";

/**
 * Opens a model file of any format; of several networks in it the one that is meant.
 *
 * @param network answers to what its tensors do not tell
 * @throws ProtocolError `malformed-model`; `malformed-request` where it is not told which network is meant.
 *
 * @example
 * const { tensors } = await openModelFile(bytesInMemory(await readFile("teacher.safetensors")));
 */
export async function openModelFile(
  source: ByteSource,
  network: NetworkSettings = {},
): Promise<ModelFile> {
  return await chosenNetwork(await recogniseFormat(FORMATS, source), network);
}
