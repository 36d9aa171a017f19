import { readFile, rm } from "node:fs/promises";
import { readCheckpoint, type Checkpoint } from "../../../attack/checkpoint.ts";
import { recipeDifferences } from "../../../attack/recipe.ts";
import type { AttackTask } from "../../../attack/train-attack.ts";
import type { BackendChoice } from "../../../engine/backends.ts";
import { OptionError } from "../../option-error.ts";

/**
 * The checkpoint of this very training, if there is one; removed where it is not wanted.
 *
 * @throws OptionError when it is another training's; AttackError when it is none.
 */
export async function findCheckpoint(
  place: string,
  { recipe }: Pick<AttackTask, "recipe">,
  options: { readonly restart?: boolean; readonly backend: BackendChoice },
): Promise<Checkpoint | undefined> {
  if (options.restart) {
    await rm(place, { force: true });
    return undefined;
  }
  let file: Uint8Array;
  try {
    file = await readFile(place);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
  const found = await readCheckpoint(file, place);
  const differences = recipeDifferences(recipe, found.recipe);
  if (options.backend !== "auto" && options.backend !== found.backend) differences.push("backend");
  if (differences.length === 0) return found;
  throw new OptionError(
    `${place} is the checkpoint of another training; it differs in ${differences.join(", ")}`,
    "Add --restart to begin anew without it, or name another --out.",
  );
}
