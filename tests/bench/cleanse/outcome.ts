import type { CampaignConfig } from "../../../protocol/round/campaign-config.ts";
import type { Decisions } from "../../../protocol/round/decisions.ts";
import type { Evaluation } from "../../../client/evaluation/evaluate-model.ts";
import type { CurvePoint } from "./result.ts";

/** What came of a run. */
export interface Outcome {
  /** Images of each participant. */
  readonly shares: readonly number[];
  readonly config: CampaignConfig;
  readonly after: Evaluation;
  readonly curve: readonly CurvePoint[];
  readonly decisions: Decisions;
  readonly strengths: readonly number[];
  /** Images trained on, each time counted. */
  readonly images: number;
  /** Wall time without the bench's own looks. */
  readonly seconds: number;
}
