import type { FolderModel } from "../bundle/folder-format.ts";
import { readJson, type Folder } from "../bundle/folder.ts";

/** What Teachable Machine writes beside model.json. */
export const TEACHABLE = "metadata.json";

/**
 * What Teachable Machine says of its image models: what the classes are called, and how they see pictures,
 * which is the same for all of them: the middle square, values from −1 to 1 (`@teachablemachine/image`,
 * `utils/tf.ts`).
 */
export async function teachableMachine(
  folder: Folder,
): Promise<Pick<FolderModel, "classNames" | "preprocessing">> {
  if (!folder.names.includes(TEACHABLE)) return {};
  const { content } = await readJson(folder, TEACHABLE);
  if (content["packageName"] !== "@teachablemachine/image") return {};
  const { labels } = content;
  return {
    preprocessing: {
      resize: "shorter-side",
      crop: 1,
      range: "symmetric",
      mean: [0, 0, 0],
      std: [1, 1, 1],
    },
    ...(Array.isArray(labels) &&
      labels.every((label) => typeof label === "string") && { classNames: labels }),
  };
}
