import type { SessionOptions } from "../engine.ts";
import type { AdversarySettings } from "../adversary-settings.ts";
import type { Batch, StepSettings } from "../engine.ts";
import { checkAdversary, copiesOf } from "../step/check-adversary.ts";
import { checkRegularisers } from "../step/check-regularisers.ts";
import { checkBatch, normGroupSizeOf } from "../step/check-batch.ts";
import { fieldBall } from "../host/warp-field.ts";
import type { AdversaryRequest } from "./batch-passes.ts";
import type { Work } from "./device-work.ts";
import { packInput } from "./wgsl/input-layout.ts";

/**
 * One step or gradient as a device runs it.
 *
 * @param targets given answers, or the teacher's when undefined
 * @throws EngineError `invalid-input` for a batch, an adversary or a head shift that does not fit the
 *   model.
 */
export function workOf(
  { graph, layout, normGroupSize }: SessionOptions,
  batch: Batch,
  targets: Float32Array | undefined,
  settings: StepSettings,
  finish: "descend" | "decay",
): Work {
  checkBatch(batch, graph.inputShape);
  const { adversary, headShift, sharpness } = settings;
  const ball = adversary?.warp && fieldBall(adversary.warp);
  if (adversary) checkAdversary(adversary, graph.inputShape);
  checkRegularisers(settings, layout);
  const groupSize = normGroupSizeOf(batch.size, normGroupSize);
  let packed: Float32Array<ArrayBuffer> | undefined;
  return {
    ...requestOf(batch, groupSize),
    mode: targets ? "supervise" : "distil",
    adversary: adversary && requestOfAdversary(adversary, groupSize),
    sharpens: sharpness !== undefined,
    shiftsHead: headShift !== undefined,
    // The caller may use its arrays for something else before the device is lost.
    restart: adversary?.restart && new Float32Array(adversary.restart),
    field: adversary?.field && new Float32Array(adversary.field),
    pattern: adversary?.pattern && new Float32Array(adversary.pattern),
    finish,
    settings: {
      ...settings,
      copyWeight: adversary?.weight ?? 0,
      radius: adversary?.radius ?? 0,
      stepLength: adversary?.stepLength ?? 0,
      warpRadius: ball?.radius ?? 0,
      warpStep: ball?.stepLength ?? 0,
      rho: sharpness?.rho ?? 0,
      headShiftWeight: headShift?.weight ?? 0,
    },
    cropPadding: cropPaddingOf(batch),
    words: (input) => (packed ??= packInput(batch, targets, input)),
  };
}

function requestOfAdversary(
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

/** What of a request a batch decides; nothing comes after the gradient. */
export function requestOf(batch: Batch, groupSize: number) {
  const input = "values" in batch ? "values" : "pixels";
  return { size: batch.size, groupSize, input, finish: undefined } as const;
}

export function cropPaddingOf(batch: Batch): number {
  return "values" in batch ? 0 : batch.cropPadding;
}
