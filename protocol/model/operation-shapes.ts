import type { ProtocolError } from "../errors.ts";
import type { Operation, ParameterRole } from "./graph.ts";

/** Shape of one image's activation: `[H, W, C]`, or `[C]` after the pooling. */
export type ValueShape = readonly [number, number, number] | readonly [number];

/** Makes the error that says what is wrong with an operation. */
export type Fail = (detail: string) => ProtocolError;

/** A parameter that an operation uses. */
export interface ParameterNeed {
  readonly name: string;
  readonly role: ParameterRole;
  /** Number of dimensions. */
  readonly rank: number;
}

/** What is to be known of an operation without executing it. */
export interface OperationShape<O extends Operation> {
  parameters(operation: O): readonly ParameterNeed[];
  /**
   * Checks that everything fits (SPEC G1).
   *
   * @param parameters shapes, in the order of `parameters`, of the rank asked for
   * @returns the shape of the operation's output
   */
  output(
    operation: O,
    inputs: readonly ValueShape[],
    parameters: readonly (readonly number[])[],
    fail: Fail,
  ): ValueShape;
}

/** Every operation, once. */
const SHAPES: {
  readonly [Kind in Operation["kind"]]: OperationShape<Extract<Operation, { kind: Kind }>>;
} = {
  conv2d: {
    parameters: ({ weight }) => [{ name: weight, role: "conv-weight", rank: 4 }],
    output({ weight, stride, padding, groups }, [input], [shape], fail) {
      const [out, channels, kernelHeight, kernelWidth] = shape as [number, number, number, number];
      const [height, width, inputChannels] = spatial(input!, fail);
      if (!isExtent(groups)) throw fail(`its groups are ${groups}`);
      if (inputChannels % groups !== 0 || out % groups !== 0) {
        throw fail(`${groups} groups do not divide ${inputChannels} channels in and ${out} out`);
      }
      checkChannels(input!, channels * groups, weight, fail);
      if (!isExtent(stride)) throw fail(`its stride is ${stride}`);
      if (!Number.isSafeInteger(padding) || padding < 0) throw fail(`its padding is ${padding}`);
      const outHeight = Math.floor((height + 2 * padding - kernelHeight) / stride) + 1;
      const outWidth = Math.floor((width + 2 * padding - kernelWidth) / stride) + 1;
      if (outHeight < 1 || outWidth < 1) {
        throw fail(
          `its ${kernelHeight}×${kernelWidth} kernel is larger than the padded input of [${input!.join(", ")}]`,
        );
      }
      return [outHeight, outWidth, out];
    },
  },

  "batch-norm": {
    parameters: ({ scale, shift, runningMean, runningVariance }) => [
      { name: scale, role: "norm-scale", rank: 1 },
      { name: shift, role: "norm-shift", rank: 1 },
      { name: runningMean, role: "running-mean", rank: 1 },
      { name: runningVariance, role: "running-variance", rank: 1 },
    ],
    output(operation, [input], parameters, fail) {
      const { scale, shift, runningMean, runningVariance, epsilon, momentum } = operation;
      spatial(input!, fail);
      [scale, shift, runningMean, runningVariance].forEach((name, i) => {
        checkChannels(input!, parameters[i]![0]!, name, fail);
      });
      if (!(epsilon > 0)) throw fail(`its epsilon is ${epsilon}`);
      if (!(momentum >= 0 && momentum <= 1)) throw fail(`its momentum is ${momentum}`);
      return input!;
    },
  },

  activation: {
    parameters: () => [],
    output: (_operation, [input]) => input!,
  },

  add: {
    parameters: () => [],
    output(_operation, [input, other], _parameters, fail) {
      if (input!.length !== other!.length || input!.some((extent, i) => extent !== other![i])) {
        throw fail(`adds shapes [${input!.join(", ")}] and [${other!.join(", ")}]`);
      }
      return input!;
    },
  },

  "global-average-pool": {
    parameters: () => [],
    output: (_operation, [input], _parameters, fail) => [spatial(input!, fail)[2]],
  },

  linear: {
    parameters: ({ weight, bias }) => [
      { name: weight, role: "linear-weight", rank: 2 },
      { name: bias, role: "linear-bias", rank: 1 },
    ],
    output({ weight, bias }, [input], [weightShape, biasShape], fail) {
      if (input!.length !== 1) throw fail(`reads [${input!.join(", ")}], it needs a flat value`);
      const [out, channels] = weightShape as [number, number];
      checkChannels(input!, channels, weight, fail);
      const [length] = biasShape as [number];
      if (length !== out) throw fail(`'${bias}' has ${length} values, '${weight}' ${out}`);
      return [out];
    },
  },
};

/** What is to be known of an operation without executing it. */
export function shapeOf(operation: Operation): OperationShape<Operation> {
  return SHAPES[operation.kind];
}

export function isExtent(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0;
}

function spatial(shape: ValueShape, fail: Fail): readonly [number, number, number] {
  if (shape.length !== 3) throw fail(`reads [${shape.join(", ")}], it needs height and width`);
  return shape;
}

function checkChannels(input: ValueShape, channels: number, name: string, fail: Fail): void {
  const actual = input.at(-1);
  if (actual !== channels) {
    throw fail(`'${name}' is made for ${channels} channels, its input has ${actual}`);
  }
}
