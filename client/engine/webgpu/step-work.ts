import type { SessionOptions } from "../engine.ts";
import type { AdversarySettings, Batch, StepSettings } from "../engine.ts";
import { checkAdversary, copiesOf } from "../check-adversary.ts";
import { checkBatch, normGroupSizeOf } from "../check-batch.ts";
import { fieldBall } from "../warp-field.ts";
import type { AdversaryRequest } from "./batch-passes.ts";
import type { Work } from "./device-work.ts";
import { packInput } from "./input-layout.ts";

/**
 * One step or gradient as a device runs it.
 *
 * @param targets given answers, or the teacher's when undefined
 * @throws EngineError `invalid-input` for a batch or an adversary that does not fit the model.
 */
export function workOf(
  { graph, normGroupSize }: SessionOptions,
  batch: Batch,
  targets: Float32Array | undefined,
  settings: StepSettings,
  finish: "descend" | "decay",
): Work {
  checkBatch(batch, graph.inputShape);
  const { adversary } = settings;
  const ball = adversary?.warp && fieldBall(adversary.warp);
  if (adversary) checkAdversary(adversary, graph.inputShape);
  const groupSize = normGroupSizeOf(batch.size, normGroupSize);
  let packed: Float32Array<ArrayBuffer> | undefined;
  return {
    ...requestOf(batch, groupSize),
    mode: targets ? "supervise" : "distil",
    adversary: adversary && requestOfAdversary(adversary, groupSize),
    // The caller may use its array for something else before the device is lost.
    restart: adversary?.restart && new Float32Array(adversary.restart),
    finish,
    settings: {
      ...settings,
      copyWeight: adversary?.weight ?? 0,
      radius: adversary?.radius ?? 0,
      stepLength: adversary?.stepLength ?? 0,
      warpRadius: ball?.radius ?? 0,
      warpStep: ball?.stepLength ?? 0,
    },
    cropPadding: cropPaddingOf(batch),
    words: (layout) => (packed ??= packInput(batch, targets, layout)),
  };
}

function requestOfAdversary(
  { share, scope, ascents, norm, warp }: AdversarySettings,
  groupSize: number,
): AdversaryRequest {
  const copies = {
    perGroup: copiesOf(share, groupSize),
    perImage: scope === "per-image",
    warpGrid: warp?.grid,
  };
  return { copies, ascents, norm };
}

/** What of a request a batch decides; nothing comes after the gradient. */
export function requestOf(batch: Batch, groupSize: number) {
  const input = "values" in batch ? "values" : "pixels";
  return { size: batch.size, groupSize, input, finish: undefined } as const;
}

export function cropPaddingOf(batch: Batch): number {
  return "values" in batch ? 0 : batch.cropPadding;
}
