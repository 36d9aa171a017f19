import { ProtocolError } from "../../protocol/errors.ts";
import type { RecognisedModel } from "../../protocol/model/recognise.ts";
import type { CampaignConfig } from "../../protocol/round/campaign-config.ts";
import { completePreprocessing, type Preprocessing } from "../../protocol/round/preprocessing.ts";
import { preparationFor, type Preparation } from "../images/prepare-image.ts";
import { OptionError } from "./options/campaign-options.ts";
import { settingAround } from "./settings/table.ts";

export interface HowSeen {
  readonly preprocessing: Preprocessing;
  /** What is made of pictures for the model. */
  readonly preparation: Preparation;
}

/**
 * How a model is to see pictures: what was given, and its family's where nothing was.
 *
 * @throws OptionError naming the flag that is missing or does not fit the model.
 *
 * @example
 * const { preparation } = howSeen(await readModel(file), givenPreprocessing(options));
 */
export function howSeen(
  { graph, preprocessing: usual }: Pick<RecognisedModel, "graph" | "preprocessing">,
  given: CampaignConfig["preprocessing"],
): HowSeen {
  try {
    const preprocessing = completePreprocessing(given, usual, graph.inputShape);
    return { preprocessing, preparation: preparationFor(graph.inputShape, preprocessing) };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    // Its message begins with the path: here people know the flag.
    const [path = "", ...rest] = error.message.split(": ");
    const setting = settingAround(path.split("."));
    throw new OptionError(`${setting?.flag ?? path}: ${rest.join(": ")}`, setting?.missing, {
      cause: error,
    });
  }
}
