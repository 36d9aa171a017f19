import type { Batch, SessionOptions, StepSettings } from "../engine.ts";
import { fieldBall } from "../host/warp-field.ts";
import { adamFactors, type Optimizer, type OptimizerSettings } from "../optimizer.ts";
import { stepRequest } from "../step/request.ts";
import type { SettingsOfWork, Work } from "./device-work.ts";
import { packInput } from "./wgsl/input-layout.ts";

/**
 * One step or gradient as a device runs it.
 *
 * @param targets given answers, or the teacher's when undefined
 * @param step how many the optimiser has taken since it was at rest, this one included
 * @throws EngineError `invalid-input` for a batch, an adversary or regularisers that do not fit the
 *   model.
 */
export function workOf(
  options: SessionOptions,
  batch: Batch,
  targets: Float32Array | undefined,
  settings: StepSettings,
  finish: "descend" | "decay",
  step: number,
): Work {
  const mode = targets ? "supervise" : "distil";
  const request = stepRequest(options, batch, mode, settings, finish);
  const { adversary, temperature, learningRate, momentum, weightDecay, secondMomentum, ...rest } =
    settings;
  const rates = { learningRate, momentum, weightDecay, secondMomentum };
  const ball = adversary?.warp && fieldBall(adversary.warp);
  let packed: Float32Array<ArrayBuffer> | undefined;
  return {
    request,
    // The caller may use its arrays for something else before the device is lost.
    restart: adversary?.restart && new Float32Array(adversary.restart),
    field: adversary?.field && new Float32Array(adversary.field),
    pattern: adversary?.pattern && new Float32Array(adversary.pattern),
    settings: {
      ...optimizerNumbers(options.optimizer ?? "sgd", rates, finish, step),
      temperature,
      copyWeight: adversary?.weight ?? 0,
      radius: adversary?.radius ?? 0,
      stepLength: adversary?.stepLength ?? 0,
      warpRadius: ball?.radius ?? 0,
      warpStep: ball?.stepLength ?? 0,
      regularisers: rest,
    },
    cropPadding: cropPaddingOf(batch),
    words: (input) => (packed ??= packInput(batch, targets, input)),
  };
}

export function cropPaddingOf(batch: Batch): number {
  return "values" in batch ? 0 : batch.cropPadding;
}

type OptimizerNumbers = Pick<
  SettingsOfWork,
  "learningRate" | "momentum" | "weightDecay" | "secondMomentum" | "rootScale"
>;

/** A gradient for the caller has λ·θ added, whatever the optimiser. */
function optimizerNumbers(
  optimizer: Optimizer,
  settings: OptimizerSettings,
  finish: "descend" | "decay",
  step: number,
): OptimizerNumbers {
  const { learningRate, momentum, weightDecay } = settings;
  if (optimizer === "sgd" || finish === "decay") {
    return { learningRate, momentum, weightDecay, secondMomentum: 0, rootScale: 0 };
  }
  const { rate, keeps, secondMomentum, rootScale } = adamFactors(settings, step);
  return { learningRate: rate, momentum, weightDecay: keeps, secondMomentum, rootScale };
}
