import { Option } from "commander";
import type { SecondOpinion } from "../../evaluation/second-opinion.ts";
import { CommandError } from "../command-error.ts";
import { percent } from "../../text/numbers-text.ts";
import { OptionError } from "../option-error.ts";
import { share } from "./option-values.ts";

/** Float32 in another order answers otherwise where two classes are all but equal, and nowhere else. */
const TOLERATED = 0.001;

/** What `--judge` and `--judge-limit` say. */
export interface JudgeOptions {
  readonly judge?: "tfjs";
  readonly judgeLimit?: number;
}

export function judgeOption(): Option {
  return new Option(
    "--judge <name>",
    "have TensorFlow.js answer too, and compare: code that is not ours",
  ).choices(["tfjs"]);
}

export function judgeLimitOption(): Option {
  return new Option(
    "--judge-limit <share>",
    `share of images that the judge may answer otherwise (default ${TOLERATED})`,
  ).argParser(share);
}

/** @throws OptionError for a limit without a judge. */
export function checkJudgeOptions({ judge, judgeLimit }: JudgeOptions): void {
  if (judge !== undefined || judgeLimit === undefined) return;
  throw new OptionError("--judge-limit is for a judge", "Add --judge tfjs.");
}

/** @throws CommandError where engine and judge disagree on more images than is tolerated. */
export function requireAgreement(
  { agreement, images, judge, largestDifference }: SecondOpinion,
  { judgeLimit = TOLERATED }: JudgeOptions,
): void {
  if (1 - agreement <= judgeLimit) return;
  const otherwise = Math.round((1 - agreement) * images);
  throw new CommandError(
    `${judge} answers ${otherwise} of ${images} images otherwise than our engine, ` +
      `${percent(judgeLimit)} are tolerated; logits differ by up to ${largestDifference.toPrecision(3)}`,
    "One of the two computes something else than the file says. Try another --backend; if they still " +
      "disagree, please report it with the model's architecture.",
  );
}
