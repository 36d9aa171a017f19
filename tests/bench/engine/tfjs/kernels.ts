import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";

/** Square stride and padding of a convolution. */
export interface ConvGeometry {
  readonly stride: number;
  readonly padding: number;
}

/** What the backward pass of a training-mode batch norm needs from its forward pass. */
export interface NormMoments {
  /** Batch mean `[C]`. */
  readonly mean: Tensor1D;
  /** Biased batch variance `[C]`. */
  readonly variance: Tensor1D;
}

export interface NormForwardInput {
  /** `[N, H, W, C]` */
  readonly x: Tensor4D;
  readonly scale: Tensor1D;
  readonly shift: Tensor1D;
  readonly epsilon: number;
  /** Added after the affine part, before the rectifier. */
  readonly addend: Tensor4D | undefined;
  readonly relu: boolean;
}

export interface NormBackwardInput {
  /** Gradient of the step's output. Consumed: the callee disposes or reuses it. */
  readonly dy: Tensor4D;
  readonly x: Tensor4D;
  /** The step's output, whose sign is the rectifier's mask. */
  readonly y: Tensor4D;
  readonly scale: Tensor1D;
  readonly moments: NormMoments;
  readonly epsilon: number;
  readonly relu: boolean;
  /** Whether the gradient of an addend is wanted. */
  readonly addend: boolean;
}

export interface NormBackwardOutput {
  readonly dx: Tensor4D;
  readonly dScale: Tensor1D;
  readonly dShift: Tensor1D;
  /** Gradient of the addend; undefined when none was asked for. */
  readonly dAddend: Tensor4D | undefined;
}

/** What the student is to answer. */
export interface LossTarget {
  /** The teacher's, `[N, classes]`. */
  readonly logits: Tensor2D;
  readonly temperature: number;
}

export interface LossOutput {
  /** `[2]`: mean loss, share of rows whose largest entries agree. */
  readonly summary: Tensor1D;
  /** Gradient of the mean loss with respect to the student's logits, `[N, classes]`. */
  readonly dLogits: Tensor2D;
}

export interface SgdInput {
  readonly parameter: Tensor;
  readonly gradient: Tensor;
  /** Undefined before the first step. */
  readonly velocity: Tensor | undefined;
  readonly learningRate: number;
  readonly momentum: number;
  readonly weightDecay: number;
}

/**
 * The operations a session is made of, on one backend of tfjs. Two implementations: composed of
 * tfjs operations (any backend; the GPU's), and loops over the backend's own memory (wasm), which fuse what tfjs would do in ten passes.
 *
 * Inputs stay with the caller except where said; outputs belong to the caller.
 */
export interface Kernels {
  /** `x [N,H,W,Ci]` ∗ `weight [k,k,Ci,Co]` → `[N,Ho,Wo,Co]`. */
  convolve(x: Tensor4D, weight: Tensor4D, geometry: ConvGeometry): Tensor4D;
  /** Convolution, then bias, then optionally the rectifier. */
  convolveWithBias(
    x: Tensor4D,
    weight: Tensor4D,
    bias: Tensor1D,
    geometry: ConvGeometry,
    relu: boolean,
  ): Tensor4D;
  /** Gradient of `convolve` with respect to x, of the shape given. */
  convolveInputGradient(
    dy: Tensor4D,
    weight: Tensor4D,
    inputShape: [number, number, number, number],
    geometry: ConvGeometry,
  ): Tensor4D;
  /** Gradient of `convolve` with respect to the weight, of the shape given. */
  convolveFilterGradient(
    x: Tensor4D,
    dy: Tensor4D,
    filterShape: [number, number, number, number],
    geometry: ConvGeometry,
  ): Tensor4D;
  normForward(input: NormForwardInput): { y: Tensor4D; moments: NormMoments };
  normBackward(input: NormBackwardInput): NormBackwardOutput;
  /** r ← (1 − momentum)·r + momentum·batch with the unbiased variance of `count` values. */
  advanceStatistics(
    running: { mean: Tensor1D; variance: Tensor1D },
    moments: NormMoments,
    momentum: number,
    count: number,
  ): { mean: Tensor1D; variance: Tensor1D };
  /** x·scale + shift per channel: evaluation-mode batch norm, then addend and rectifier. */
  affine(
    x: Tensor4D,
    scale: Tensor1D,
    shift: Tensor1D,
    addend: Tensor4D | undefined,
    relu: boolean,
  ): Tensor4D;
  /** a + b, then optionally the rectifier. Consumes `a`. */
  add<T extends Tensor>(a: T, b: T, relu: boolean): T;
  relu(x: Tensor4D): Tensor4D;
  /** dy where y > 0, else 0. Consumes `dy`. */
  reluBackward(dy: Tensor4D, y: Tensor4D): Tensor4D;
  /** A tensor with memory of its own, safe to hand to a function that consumes it. */
  copy<T extends Tensor>(x: T): T;
  /** `[N,H,W,C]` → `[N,C]`. */
  averagePool(x: Tensor4D): Tensor2D;
  averagePoolBackward(dy: Tensor2D, inputShape: [number, number, number, number]): Tensor4D;
  /** x·Wᵀ + b with W `[out, in]`. */
  linear(x: Tensor2D, weight: Tensor2D, bias: Tensor1D): Tensor2D;
  linearBackward(
    dy: Tensor2D,
    x: Tensor2D,
    weight: Tensor2D,
  ): { dx: Tensor2D; dWeight: Tensor2D; dBias: Tensor1D };
  loss(logits: Tensor2D, target: LossTarget): LossOutput;
  /** One SGD step in PyTorch's form; consumes parameter, gradient and velocity. */
  sgd(input: SgdInput): { parameter: Tensor; velocity: Tensor };
}
