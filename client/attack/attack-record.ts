import * as z from "zod";
import { AttackError } from "./attack-error.ts";
import { epochSchema, recipeSchema } from "./recipe.ts";

/**
 * What stands in the JSON file beside an attacked model: enough to make it again, and to stamp other
 * images with its trigger.
 */
const recordSchema = z.strictObject({
  format: z.literal("scour-attack-1"),
  /** SHA-256 of the model's file. */
  modelSha256: z.string(),
  recipe: recipeSchema,
  /** Names of the classes by label, where the training set told them. */
  classNames: z.array(z.string()).nullable(),
  poisonedImages: z.int().min(0),
  /** Cover images: changed, but their label is the true one. Named after WaNet's noise mode. */
  noisyImages: z.int().min(0),
  /** One for each epoch, in order; the last tells of the model that was written. */
  history: z.array(epochSchema),
});

export type AttackRecord = z.infer<typeof recordSchema>;

/** Where the record of a model lies: `teacher.json` beside `teacher.safetensors`. */
export function recordPath(model: string): string {
  return `${model.replace(/\.[^./\\]+$/, "")}.json`;
}

/**
 * @param name of the file, for messages.
 * @throws AttackError when it is no such record.
 */
export function parseRecord(text: string, name: string): AttackRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AttackError(
      `${name} is not JSON; name the .json file that \`attack train\` wrote beside the model`,
      { cause },
    );
  }
  const parsed = recordSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new AttackError(
    `${name} is not a record of \`attack train\` (${issue?.path.join(".")}: ${issue?.message}); name the .json file that it wrote beside the model`,
    { cause: parsed.error },
  );
}
