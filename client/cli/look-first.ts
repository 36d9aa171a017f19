import { ProtocolError } from "../../protocol/errors.ts";
import type { ImportedModel } from "../../protocol/formats/import-model.ts";
import { TRY } from "../../protocol/model/answers.ts";
import { networkText, type NetworkSettings } from "../../protocol/model/network-settings.ts";
import type { FirstLook } from "../evaluation/first-look.ts";
import { CommandError } from "./command-error.ts";
import { readModel } from "./model-file.ts";

/** A network that a file may hold. */
interface PossibleModel {
  readonly model: ImportedModel;
  /** What had to be answered besides what was said. */
  readonly says: NetworkSettings;
}

export interface PossibleModels {
  /** One, where nothing is open. */
  readonly models: readonly PossibleModel[];
  /** What asks for an answer, where something is. */
  readonly asks: CommandError | undefined;
}

/**
 * Reads a model file in every way in which what is open can be answered, for images to tell which is
 * right.
 *
 * @throws CommandError as `readModel`, but for questions whose answers can be tried.
 */
export async function readPossible(
  path: string,
  given: NetworkSettings,
  says: NetworkSettings = {},
): Promise<PossibleModels> {
  try {
    const model = await readModel(path, { ...given, ...says });
    return { models: [{ model, says }], asks: undefined };
  } catch (error) {
    const tried = error instanceof CommandError ? answersToTry(error) : [];
    if (tried.length === 0) throw error;
    const models: PossibleModel[] = [];
    for (const more of tried) {
      models.push(...(await readPossible(path, given, { ...says, ...more })).models);
    }
    return { models, asks: error as CommandError };
  }
}

function answersToTry({ cause }: CommandError): readonly NetworkSettings[] {
  if (!(cause instanceof ProtocolError)) return [];
  return (cause.extensions[TRY] as readonly NetworkSettings[] | undefined) ?? [];
}

/**
 * The question that a file leaves open, with the answer by which the model knows the images best: nearer
 * by its batch norms, or surer where it has none.
 *
 * @param look at the images with one of the models
 */
export async function advised(
  { asks, models }: PossibleModels,
  look: (model: ImportedModel) => Promise<FirstLook | undefined>,
): Promise<CommandError> {
  const seen: { says: NetworkSettings; far: number; confidence: number }[] = [];
  for (const { model, says } of models) {
    const found = await look(model);
    if (found === undefined) return asks!;
    const { confidence, distance, entropy } = found.fit;
    seen.push({ says, far: distance ?? entropy, confidence });
  }
  const [best, ...others] = seen.toSorted((a, b) => a.far - b.far);
  const figures = (one: (typeof seen)[number]): string =>
    `${networkText(one.says)}: ${Math.round(100 * one.confidence)} % sure, ${one.far.toPrecision(2)} away`;
  return new CommandError(
    asks!.message,
    `On some of these images it looks best with ${networkText(best!.says)} (${[best!, ...others].map(figures).join("; ")}): say so if it is right.`,
    { cause: asks },
  );
}
