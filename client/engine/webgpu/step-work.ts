import type { Batch, SessionOptions, StepSettings } from "../engine.ts";
import { fieldBall } from "../host/warp-field.ts";
import { stepRequest } from "../step/request.ts";
import type { Work } from "./device-work.ts";
import { packInput } from "./wgsl/input-layout.ts";

/**
 * One step or gradient as a device runs it.
 *
 * @param targets given answers, or the teacher's when undefined
 * @throws EngineError `invalid-input` for a batch, an adversary or regularisers that do not fit the
 *   model.
 */
export function workOf(
  options: SessionOptions,
  batch: Batch,
  targets: Float32Array | undefined,
  settings: StepSettings,
  finish: "descend" | "decay",
): Work {
  const mode = targets ? "supervise" : "distil";
  const request = stepRequest(options, batch, mode, settings, finish);
  const { adversary, learningRate, momentum, weightDecay, temperature, ...regularisers } = settings;
  const ball = adversary?.warp && fieldBall(adversary.warp);
  let packed: Float32Array<ArrayBuffer> | undefined;
  return {
    request,
    // The caller may use its arrays for something else before the device is lost.
    restart: adversary?.restart && new Float32Array(adversary.restart),
    field: adversary?.field && new Float32Array(adversary.field),
    pattern: adversary?.pattern && new Float32Array(adversary.pattern),
    settings: {
      learningRate,
      momentum,
      weightDecay,
      temperature,
      copyWeight: adversary?.weight ?? 0,
      radius: adversary?.radius ?? 0,
      stepLength: adversary?.stepLength ?? 0,
      warpRadius: ball?.radius ?? 0,
      warpStep: ball?.stepLength ?? 0,
      regularisers,
    },
    cropPadding: cropPaddingOf(batch),
    words: (input) => (packed ??= packInput(batch, targets, input)),
  };
}

export function cropPaddingOf(batch: Batch): number {
  return "values" in batch ? 0 : batch.cropPadding;
}
