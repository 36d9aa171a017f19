import { EngineError } from "./engine-error.ts";

/**
 * How a step moves the weights θ by the gradient g of its loss, λ the weight decay, η the rate.
 *
 * - `sgd` (PyTorch's `SGD`, no Nesterov): v ← μ·v + g + λ·θ, θ ← θ − η·v.
 * - `adamw` (Loshchilov and Hutter 2019, PyTorch's `AdamW`): m ← μ·m + (1 − μ)·g,
 *   v ← β₂·v + (1 − β₂)·g², θ ← (1 − η·λ)·θ − η·m̂/(√v̂ + ε), m̂ = m/(1 − μᵗ), v̂ = v/(1 − β₂ᵗ) at the
 *   t-th step since the state was zero.
 */
export type Optimizer = "sgd" | "adamw";

/** Settings of one step of an optimiser. */
export interface OptimizerSettings {
  /** η */
  readonly learningRate: number;
  /** μ, of the gradients' mean: `adamw`'s β₁. */
  readonly momentum: number;
  /** λ, on every trainable tensor. */
  readonly weightDecay: number;
  /** β₂, of the squares' mean; `adamw` alone, and needed there. */
  readonly secondMomentum?: number | undefined;
}

/** ε of `adamw`, PyTorch's. */
export const ADAM_EPSILON = 1e-8;

/** Vectors as long as the trainable values that an optimiser keeps from step to step. */
export const OPTIMIZER_VECTORS: Readonly<Record<Optimizer, number>> = { sgd: 1, adamw: 2 };

/** What a step of `adamw` multiplies with, told once for all values, in float64. */
export interface AdamFactors {
  /** η/(1 − μᵗ) */
  readonly rate: number;
  /** 1/√(1 − β₂ᵗ) */
  readonly rootScale: number;
  /** 1 − η·λ */
  readonly keeps: number;
  readonly secondMomentum: number;
}

/**
 * @param step t, from 1
 * @throws EngineError `invalid-input` without a second momentum.
 */
export function adamFactors(settings: OptimizerSettings, step: number): AdamFactors {
  const { learningRate, momentum, weightDecay, secondMomentum } = settings;
  if (secondMomentum === undefined) {
    throw new EngineError("invalid-input", "a step of AdamW needs the momentum of the squares");
  }
  return {
    rate: learningRate / (1 - momentum ** step),
    rootScale: 1 / Math.sqrt(1 - secondMomentum ** step),
    keeps: 1 - learningRate * weightDecay,
    secondMomentum,
  };
}
