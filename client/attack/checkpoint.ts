import * as z from "zod";
import { ProtocolError } from "../../protocol/errors.ts";
import { bytesInMemory } from "../../protocol/formats/byte-source.ts";
import type { ModelFile } from "../../protocol/formats/model-file.ts";
import { openModelFile } from "../../protocol/formats/open-model-file.ts";
import { sizeOf } from "../../protocol/model/graph.ts";
import type { StateLayout } from "../../protocol/model/state-layout.ts";
import { BACKEND_NAMES } from "../engine/backends.ts";
import { AttackError } from "./attack-error.ts";
import { modelFile } from "./fresh-model.ts";
import { epochSchema, recipeSchema } from "./recipe.ts";

const METADATA = "scour-attack-checkpoint";

const noteSchema = z.strictObject({
  recipe: recipeSchema,
  /** What computed it: others may round otherwise. */
  backend: z.enum(BACKEND_NAMES),
  /** One for every epoch done. */
  history: z.array(epochSchema),
});

/** What a training needs to go on as if it had never been interrupted. */
export interface Checkpoint extends z.infer<typeof noteSchema> {
  /** Whole state vector; the velocity is zero at every checkpoint. */
  readonly state: Float32Array;
}

/** A checkpoint as a safetensors file: the model so far, and in its header where it stands. */
export function writeCheckpoint(
  layout: StateLayout,
  { state, ...note }: Checkpoint,
): Uint8Array<ArrayBuffer> {
  return modelFile(layout, state, { [METADATA]: JSON.stringify(note) });
}

/**
 * @param name of the file, for messages.
 * @throws AttackError when it is not a checkpoint.
 */
export async function readCheckpoint(file: Uint8Array, name: string): Promise<Checkpoint> {
  const unusable = (why: string, cause?: unknown) =>
    new AttackError(
      `${name} is not a checkpoint of an attack (${why}); remove it, or name another --out`,
      { cause },
    );
  try {
    const opened = await openModelFile(bytesInMemory(file));
    const text = opened.metadata.get(METADATA);
    if (text === undefined) throw unusable("its header does not say where the training stands");
    return { ...noteSchema.parse(JSON.parse(text)), state: await wholeState(opened) };
  } catch (error) {
    if (error instanceof ProtocolError) throw unusable(error.message, error);
    if (error instanceof z.ZodError || error instanceof SyntaxError) {
      throw unusable("its header is of another version", error);
    }
    throw error;
  }
}

/** A checkpoint's tensors stand in the order of the state vector: whose network they are plays no part. */
async function wholeState(file: ModelFile): Promise<Float32Array> {
  const parts = file.tensors.map(({ name, shape }) => ({ name, first: 0, length: sizeOf(shape) }));
  const offsets = new Map<string, number>();
  let length = 0;
  for (const part of parts) {
    offsets.set(part.name, length);
    length += part.length;
  }
  const state = new Float32Array(length);
  for await (const { part, values } of file.read(parts)) {
    state.set(values, offsets.get(part.name)! + part.first);
  }
  return state;
}
