import type { Operand, Reading } from "../operands.ts";
import type { CopyRows } from "./copies.ts";
import { operandsOf, present, type KernelDescription } from "./kernel.ts";

/** Kernels from the last feature map to the loss and back, see `program.ts`. */

/** `[N, positions, C]` → mean `[N, C]`. */
export interface PoolKernel {
  readonly kind: "pool";
  readonly images: number;
  readonly positions: number;
  readonly channels: number;
  readonly x: Reading;
  readonly y: Operand;
}

export const pool: KernelDescription<PoolKernel> = {
  access: ({ x, y }) => ({ reads: operandsOf(x), writes: [y], inPlace: [] }),
  flops: ({ images, positions, channels }) => images * positions * channels,
  shapes: ({ images, positions, channels }) => `[${images},${positions},${channels}]`,
};

/** y `[N, out]` = x `[N, in]` · weightᵀ `[out, in]` + bias. */
export interface LinearKernel {
  readonly kind: "linear";
  readonly images: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly x: Operand;
  readonly weight: Operand;
  readonly bias: Operand;
  readonly y: Operand;
}

export const linear: KernelDescription<LinearKernel> = {
  access: ({ x, weight, bias, y }) => ({ reads: [x, weight, bias], writes: [y], inPlace: [] }),
  flops: ({ images, inputs, outputs }) => 2 * images * inputs * outputs,
  shapes: ({ images, inputs, outputs }) => `[${images},${inputs}] → [${images},${outputs}]`,
};

/** dx = dy·W; dW += dyᵀ·x and db += Σ dy; each where wanted. */
export interface LinearGradientKernel {
  readonly kind: "linear-gradient";
  readonly images: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly x: Operand;
  readonly weight: Operand;
  readonly dy: Operand;
  readonly dx: Operand | undefined;
  readonly parameters: { readonly dWeight: Operand; readonly dBias: Operand } | undefined;
}

export const linearGradient: KernelDescription<LinearGradientKernel> = {
  access({ x, weight, dy, dx, parameters }) {
    const summed = present(parameters?.dWeight, parameters?.dBias);
    return {
      reads: [x, weight, dy, ...summed],
      writes: [...summed, ...present(dx)],
      inPlace: [],
    };
  },
  flops({ images, inputs, outputs, dx, parameters }) {
    const products = Number(dx !== undefined) + Number(parameters !== undefined);
    return 2 * products * images * inputs * outputs;
  },
  shapes: ({ images, inputs, outputs }) => `[${images},${inputs}] → [${images},${outputs}]`,
};

/**
 * KL(teacher ‖ student) at temperature T and its gradient by the student's logits, scaled by
 * 1/batch; adds each image's loss and agreement to the step's result, images in order.
 *
 * With copies: those scaled by weight/copies of the batch, and summed by themselves. Of a
 * revision: without a result. Of an ascent: likewise, at temperature 1 and scaled by nothing.
 */
export interface LossKernel {
  readonly kind: "loss";
  readonly images: number;
  readonly classes: number;
  readonly student: Operand;
  /** The teacher's logits; undefined: what the backend has, see `given`. */
  readonly teacher: Operand | undefined;
  /**
   * `[images, classes]` in the teacher's place: probabilities that the host gave, at temperature 1,
   * or the teacher's logits from an earlier program.
   */
  readonly given: "probabilities" | "logits";
  /** Which rows are copies; none when undefined. */
  readonly rows: CopyRows | undefined;
  /** What the gradient is for. */
  readonly purpose: "training" | "revision" | "ascent";
  readonly dLogits: Operand;
}

export const loss: KernelDescription<LossKernel> = {
  access: ({ student, teacher, dLogits }) => ({
    reads: [student, ...present(teacher)],
    writes: [dLogits],
    inPlace: [],
  }),
  flops: ({ images, classes }) => 10 * images * classes,
  shapes: ({ images, classes }) => `[${images},${classes}]`,
};

/** Logits `[N, classes]` = mean over positions of x `[N, positions, channels]` · weightᵀ + bias. */
export interface PooledLogits {
  readonly positions: number;
  readonly channels: number;
  readonly x: Reading;
  /** `[classes, channels]` */
  readonly weight: Operand;
  readonly bias: Operand;
}

/**
 * Both networks' poolings and linear layers, the loss and its gradient as far as the student's pooled
 * features: what `LossKernel`, `PoolKernel`, `LinearKernel` and `LinearGradientKernel` do one after
 * the other. Only for backends that ask for it (`CompileOptions.fusesHead`).
 */
export interface HeadKernel {
  readonly kind: "head";
  readonly images: number;
  readonly classes: number;
  readonly student: PooledLogits;
  /** Undefined: probabilities that the host gave, temperature 1. */
  readonly teacher: PooledLogits | undefined;
  /** `[N, channels]`, the student's. */
  readonly pooled: Operand;
  /** `[N, classes]`, the student's. */
  readonly logits: Operand;
  readonly dLogits: Operand;
  readonly dPooled: Operand;
  readonly dWeight: Operand;
  readonly dBias: Operand;
  /** `[N, 2]`: each image's loss and agreement, added to the step's result in order. */
  readonly workspace: Operand;
}

export const head: KernelDescription<HeadKernel> = {
  access({ student, teacher, pooled, logits, dLogits, dPooled, dWeight, dBias, workspace }) {
    const between = [pooled, dLogits, workspace];
    return {
      reads: [...pooledReads(student), ...pooledReads(teacher), dWeight, dBias, ...between],
      writes: [logits, dPooled, dWeight, dBias, ...between],
      inPlace: [],
    };
  },
  /** Of an image: two products in the student's gradient and one in each forward pass. */
  flops({ images, student, teacher, classes }) {
    const forward = ({ positions, channels }: PooledLogits): number =>
      (positions + 2 * classes) * channels;
    const gradient = 4 * classes * student.channels;
    const passes = forward(student) + (teacher ? forward(teacher) : 0);
    return images * (passes + 10 * classes + gradient);
  },
  shapes: ({ images, classes, student: { positions, channels } }) =>
    `[${images},${positions},${channels}] → [${images},${classes}]`,
};

function pooledReads(end: PooledLogits | undefined): Operand[] {
  return [...operandsOf(end?.x), ...present(end?.weight, end?.bias)];
}
