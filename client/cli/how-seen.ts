import { ProtocolError } from "../../protocol/errors.ts";
import type { ValueRange } from "../../protocol/model/preprocessing-defaults.ts";
import type { RecognisedModel } from "../../protocol/model/recognise.ts";
import type { CampaignConfig } from "../../protocol/round/campaign-config.ts";
import { completePreprocessing, type Preprocessing } from "../../protocol/round/preprocessing.ts";
import { preparationFor, type Preparation } from "../images/prepare-image.ts";
import { OptionError } from "./option-error.ts";
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
    requireMeanWithin(preprocessing);
    return { preprocessing, preparation: preparationFor(graph.inputShape, preprocessing) };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    // Its message begins with the path: here people know the flag.
    const [path = "", ...rest] = error.message.split(": ");
    const setting = settingAround(path.split("."));
    throw new OptionError(
      `${setting?.flag ?? path}: ${rest.join(": ")}`,
      setting?.missing?.(graph.inputShape),
      {
        cause: error,
      },
    );
  }
}

const VALUES: Readonly<Record<ValueRange, readonly [number, number]>> = {
  unit: [0, 1],
  bytes: [0, 255],
  symmetric: [-1, 1],
};

/** Statistics of pixels up to 255, or of 0 to 1, are easily given for those of another range. */
function requireMeanWithin({ mean, range }: Preprocessing): void {
  const [least, most] = VALUES[range];
  const outside = mean.find((value) => value < least || value > most);
  if (outside === undefined) return;
  throw new OptionError(
    `--mean: ${outside} is no mean of pixels from ${least} to ${most}`,
    "Give mean and std of the same pixels that --value-range names: unit (0 to 1), bytes (0 to 255) or symmetric (−1 to 1).",
  );
}
