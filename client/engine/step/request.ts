import { canonicalJson } from "../../../protocol/canonical-json.ts";
import type { AdversarySettings } from "../adversary-settings.ts";
import type { Batch, PlannedStep, SessionOptions, StepSettings } from "../engine.ts";
import type { OptimizerSettings } from "../optimizer.ts";
import type { PerturbedCopies, ProgramMode } from "../program/compile.ts";
import { regularisersIn, type RegulariserName } from "../regularisers.ts";
import { checkAdversary, copiesOf } from "./check-adversary.ts";
import { checkBatch, normGroupSizeOf } from "./check-batch.ts";
import { checkRegularisers } from "./check-regularisers.ts";

/** Copies that a step trains on, and how their perturbations ascend. */
interface AdversaryRequest extends Pick<AdversarySettings, "norm" | "ascents" | "lowFrequencies"> {
  readonly copies: PerturbedCopies;
}

/**
 * What one call wants run: all that decides which passes there are, which programs they need and what
 * follows them, and nothing that only a number decides. Plain data, so that `keyOf` tells requests
 * apart by all of it.
 */
export interface StepRequest {
  readonly mode: ProgramMode;
  /** N, images of the batch. */
  readonly size: number;
  /** G, images of a norm group; divides N. */
  readonly groupSize: number;
  /** How the caller has the images; see `Batch`. */
  readonly input: "values" | "pixels";
  /** Of `distil` only, like regularisers. */
  readonly adversary?: AdversaryRequest | undefined;
  readonly regularisers: readonly RegulariserName[];
  /** What the gradient is for: an SGD step, or the caller, with + λ·θ. */
  readonly finish: "descend" | "decay" | undefined;
}

/** What decides which regularisers and copies a step has. */
type RequestedSettings = Omit<StepSettings, keyof OptimizerSettings | "temperature">;

/**
 * A step or gradient: towards the teacher (`distil`) or towards given answers.
 *
 * @throws EngineError `invalid-input` for a batch, an adversary or regularisers that do not fit the
 *   model.
 */
export function stepRequest(
  { graph, layout, normGroupSize }: SessionOptions,
  batch: Batch,
  mode: "distil" | "supervise",
  settings: RequestedSettings,
  finish: "descend" | "decay",
): StepRequest {
  checkBatch(batch, graph.inputShape);
  const { adversary } = settings;
  if (adversary) checkAdversary(adversary, graph.inputShape);
  checkRegularisers(settings, layout);
  const groupSize = normGroupSizeOf(batch.size, normGroupSize);
  return {
    ...questionRequest(mode, batch, groupSize),
    adversary: adversary && adversaryRequest(adversary, groupSize),
    regularisers: regularisersIn(settings),
    finish,
  };
}

/**
 * A step of distillation on so many images, before there are any: what it will need.
 *
 * @throws EngineError `invalid-input` for a batch that does not split into its norm groups.
 */
export function plannedRequest(
  normGroupSize: number | undefined,
  { adversary, size, ...settings }: PlannedStep,
): StepRequest {
  const groupSize = normGroupSizeOf(size, normGroupSize);
  return {
    mode: "distil",
    size,
    groupSize,
    input: "pixels",
    adversary: adversary && adversaryRequest(adversary, groupSize),
    regularisers: regularisersIn(settings),
    finish: "descend",
  };
}

/** A question to the models as they are, about a batch that was checked. */
export function questionRequest(mode: ProgramMode, batch: Batch, groupSize: number): StepRequest {
  const input = "values" in batch ? "values" : "pixels";
  return { mode, size: batch.size, groupSize, input, regularisers: [], finish: undefined };
}

function adversaryRequest(
  { share, scope, ascents, norm, lowFrequencies, warp, pattern }: AdversarySettings,
  groupSize: number,
): AdversaryRequest {
  const copies = {
    perGroup: copiesOf(share, groupSize),
    perImage: scope === "per-image",
    warpGrid: warp?.grid,
    patterned: pattern !== undefined,
  };
  return { copies, ascents, norm, lowFrequencies };
}

/** M, copies that a batch gets. */
export function copiesIn({
  size,
  groupSize,
  adversary,
}: Pick<StepRequest, "size" | "groupSize" | "adversary">): number {
  return adversary ? (size / groupSize) * adversary.copies.perGroup : 0;
}

/**
 * What was made for one value may be used for another with the same key, and for no other. It is of
 * the whole value, however deep, so that no field can be left out of it.
 *
 * @param value plain data; members that are undefined are as if left out
 */
export function keyOf(value: object): string {
  return canonicalJson(value);
}
