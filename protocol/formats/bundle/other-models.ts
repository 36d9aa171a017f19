import type { Finding } from "../finding.ts";
import { listed, type FoundModel } from "./find-model.ts";
import { badFolder, type Folder } from "./folder.ts";

/** What files of models are called, of any tool. */
const MODEL =
  /\.(safetensors|pt|pth|th|ckpt|tar|bin|onnx|h5|hdf5|keras|pb|pkl|pickle|joblib|npz|msgpack|gguf|tflite|mlmodel)$|(^|[/_.-])model\.json$|\.index\.json$/i;

/**
 * Models that lie in a bundle beside the one that is opened, and come back as they were: whoever loads one
 * of them has what was to be cleansed, or runs what nobody has looked at.
 *
 * @param paths of all files of the bundle
 * @throws ProtocolError `malformed-model` where the one that is opened has no usual name, so that which is
 *   meant is not said; what the format throws.
 */
export async function otherModels(
  folder: Folder,
  paths: readonly string[],
  { format, main }: FoundModel,
): Promise<Finding[]> {
  const alike = paths.filter((path) => path !== main && MODEL.test(path));
  if (alike.length === 0) return [];
  const members = new Set(await format.members(folder, main));
  const others = alike.filter((path) => !members.has(path));
  if (others.length === 0) return [];
  if (!format.usual.includes(main)) {
    throw badFolder(
      `there are several models: '${main}' and ${listed(others)}. Leave out all but the one that is meant`,
    );
  }
  return [
    {
      rule: "other-models-in-bundle",
      level: "warning",
      message: `beside '${main}' lie ${listed(others)}, which Scour has not looked at and does not cleanse: they come back as they were. Leave them out, and load none of them`,
      where: others[0]!,
    },
  ];
}
