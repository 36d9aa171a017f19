import type { PooledLogits } from "./head-kernels.ts";
import type { GradientEpilogue, Kernel } from "./program.ts";
import type { Operand, PartialSums, Reading } from "./operands.ts";

/** Memory a kernel touches. What is added to counts as read and written. */
export interface Access {
  readonly reads: readonly Operand[];
  readonly writes: readonly Operand[];
  /** Output and input that may be the same memory. */
  readonly inPlace: readonly (readonly [output: Operand, input: Operand])[];
}

type Maybe<T> = T | undefined;

function present(...operands: readonly Maybe<Operand>[]): Operand[] {
  return operands.filter((operand) => operand !== undefined);
}

function reading(value: Maybe<Reading>): Operand[] {
  return present(value?.values, value?.affine?.coefficients);
}

function epilogueReads({ addend, activated, sums }: GradientEpilogue): Operand[] {
  return [...present(addend, sums?.z), ...reading(activated?.value)];
}

function sumsOf(sums: Maybe<PartialSums>): Operand[] {
  return present(sums?.operand);
}

function pooledReads(end: Maybe<PooledLogits>): Operand[] {
  return [...reading(end?.x), ...present(end?.weight, end?.bias)];
}

/**
 * What is added to a convolution's output, where its memory can take that output: not where the
 * convolution reads it too, since it comes back to a value long after the first output is written.
 */
function summand(addend: Maybe<Operand>, convolved: Operand): Maybe<Operand> {
  return addend === convolved ? undefined : addend;
}

function pairs(output: Maybe<Operand>, ...inputs: readonly Maybe<Operand>[]): Access["inPlace"] {
  if (output === undefined) return [];
  return present(...inputs).map((input) => [output, input] as const);
}

/** What a kernel reads and writes; each operand once. */
export function accessOf(kernel: Kernel): Access {
  switch (kernel.kind) {
    case "convolve": {
      const { x, weight, y, bias, addend, sums } = kernel;
      return {
        reads: [...reading(x), weight, ...present(bias, addend)],
        writes: [y, ...sumsOf(sums)],
        inPlace: pairs(y, summand(addend, x.values)),
      };
    }
    case "input-gradient": {
      const { dy, weight, dx, epilogue } = kernel;
      return {
        reads: [dy, weight, ...epilogueReads(epilogue)],
        writes: [dx, ...sumsOf(epilogue.sums)],
        inPlace: pairs(dx, summand(epilogue.addend, dy)),
      };
    }
    case "filter-gradient": {
      const { x, dy, dw, workspace } = kernel;
      const between = present(workspace);
      return {
        reads: [...reading(x), dy, dw, ...between],
        writes: [dw, ...between],
        inPlace: [],
      };
    }
    case "norm-statistics": {
      const { sums, gamma, beta, running, coefficients, saved } = kernel;
      const advanced = present(running?.mean, running?.variance);
      return {
        reads: [sums.operand, gamma, beta, ...advanced],
        writes: [coefficients, saved, ...advanced],
        inPlace: [],
      };
    }
    case "running-norm": {
      const { gamma, beta, mean, variance, coefficients, slopes } = kernel;
      return { reads: [gamma, beta, mean, variance], writes: [coefficients, slopes], inPlace: [] };
    }
    case "combine": {
      const { x, addend, y, sums } = kernel;
      return {
        reads: [...reading(x), ...reading(addend)],
        writes: [y, ...sumsOf(sums)],
        inPlace: pairs(y, x.values, addend?.values),
      };
    }
    case "gather-gradient": {
      const { dy, broadcast, g, epilogue } = kernel;
      return {
        reads: [dy, ...epilogueReads(epilogue)],
        writes: [...present(g), ...sumsOf(epilogue.sums)],
        inPlace: pairs(g, broadcast ? undefined : dy, epilogue.addend),
      };
    }
    case "norm-gradient-factors": {
      const { sums, gamma, saved, dGamma, dBeta, factors } = kernel;
      return {
        reads: [sums.operand, gamma, saved, dGamma, dBeta],
        writes: [dGamma, dBeta, factors],
        inPlace: [],
      };
    }
    case "norm-gradient": {
      const { g, z, factors, dz } = kernel;
      return { reads: [g, z, factors], writes: [dz], inPlace: pairs(dz, g) };
    }
    case "pool":
      return { reads: reading(kernel.x), writes: [kernel.y], inPlace: [] };
    case "linear": {
      const { x, weight, bias, y } = kernel;
      return { reads: [x, weight, bias], writes: [y], inPlace: [] };
    }
    case "linear-gradient": {
      const { x, weight, dy, dx, parameters } = kernel;
      const summed = present(parameters?.dWeight, parameters?.dBias);
      return {
        reads: [x, weight, dy, ...summed],
        writes: [...summed, ...present(dx)],
        inPlace: [],
      };
    }
    case "loss":
      return {
        reads: [kernel.student, ...present(kernel.teacher)],
        writes: [kernel.dLogits],
        inPlace: [],
      };
    case "head": {
      const { student, teacher, pooled, logits, dLogits, dPooled, dWeight, dBias } = kernel;
      const between = [pooled, dLogits, kernel.workspace];
      return {
        reads: [...pooledReads(student), ...pooledReads(teacher), dWeight, dBias, ...between],
        writes: [logits, dPooled, dWeight, dBias, ...between],
        inPlace: [],
      };
    }
    case "perturb":
      return { reads: [kernel.images], writes: [kernel.perturbed], inPlace: [] };
    case "collect-ascent":
      return {
        reads: [kernel.gradient, ...present(kernel.warp?.images)],
        writes: [],
        inPlace: [],
      };
    default:
      return kernel satisfies never;
  }
}
