import { ProtocolError } from "../errors.ts";
import {
  CLASSES,
  operationInputs,
  type Graph,
  type Operation,
  type Parameter,
  type ParameterRole,
  type ValueId,
} from "./graph.ts";

/** Shape of one image's activation: `[H, W, C]`, or `[C]` after the pooling. */
export type ValueShape = readonly [number, number, number] | readonly [number];

function describe(operation: Operation): string {
  const name = operation.kind === "activation" ? operation.activation : operation.kind;
  return `${name} '${operation.output}'`;
}

/**
 * Computes the shape of every value and validates the graph on the way (SPEC G1): operations in
 * execution order, each value defined once, shapes that fit, every parameter used by exactly one
 * operation in the role it declares.
 *
 * @throws ProtocolError `unsupported-model`, naming the operation or parameter.
 *
 * @example
 * inferShapes(graph).get(graph.output); // [10]
 */
export function inferShapes(graph: Graph): ReadonlyMap<ValueId, ValueShape> {
  const { height, width, channels } = graph.inputShape;
  const values = new Map<ValueId, ValueShape>([[graph.input, [height, width, channels]]]);
  const parameters = new ParameterUse(graph.parameters);
  if (![height, width, channels].every(isExtent)) {
    throw unsupported(`the input shape [${height}, ${width}, ${channels}] is not positive`);
  }

  for (const operation of graph.operations) {
    const fail = (detail: string) => unsupported(`${describe(operation)}: ${detail}`);
    const inputs = operationInputs(operation).map((id) => {
      const shape = values.get(id);
      if (shape === undefined) throw fail(`reads '${id}', which no earlier operation gives`);
      return shape;
    });
    if (values.has(operation.output)) throw fail("gives a value that exists already");
    values.set(operation.output, outputShape(operation, inputs, parameters, fail));
  }

  parameters.checkAllUsed();
  if (graph.classes < CLASSES.least || graph.classes > CLASSES.most) {
    throw unsupported(
      `the model has ${graph.classes} classes, one of ${CLASSES.least} to ${CLASSES.most} can be cleansed`,
    );
  }
  const output = values.get(graph.output);
  if (output === undefined) throw unsupported(`no operation gives the output '${graph.output}'`);
  if (output.length !== 1 || output[0] !== graph.classes) {
    throw unsupported(
      `the output '${graph.output}' has shape [${output.join(", ")}], ${graph.classes} classes need [${graph.classes}]`,
    );
  }
  return values;
}

function unsupported(detail: string): ProtocolError {
  return new ProtocolError("unsupported-model", detail);
}

function isExtent(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0;
}

type Fail = (detail: string) => ProtocolError;

/** Hands parameters out, each to one operation only. */
class ParameterUse {
  readonly #unused = new Map<string, Parameter>();
  readonly #users = new Map<string, string>();

  constructor(parameters: readonly Parameter[]) {
    for (const parameter of parameters) {
      if (this.#unused.has(parameter.name)) {
        throw unsupported(`the parameter '${parameter.name}' is declared twice`);
      }
      if (!parameter.shape.every(isExtent)) {
        throw unsupported(
          `the parameter '${parameter.name}' has shape [${parameter.shape.join(", ")}]: every extent must be positive`,
        );
      }
      this.#unused.set(parameter.name, parameter);
    }
  }

  take(
    operation: Operation,
    name: string,
    role: ParameterRole,
    rank: number,
    fail: Fail,
  ): readonly number[] {
    const parameter = this.#unused.get(name);
    if (parameter === undefined) {
      const user = this.#users.get(name);
      throw fail(
        user === undefined
          ? `needs the parameter '${name}', which is not declared`
          : `needs the parameter '${name}', which ${user} uses already: shared weights are not supported`,
      );
    }
    if (parameter.role !== role) {
      throw fail(`needs '${name}' as ${role}, it is declared as ${parameter.role}`);
    }
    if (parameter.shape.length !== rank) {
      throw fail(
        `needs '${name}' with ${rank} dimensions, its shape is [${parameter.shape.join(", ")}]`,
      );
    }
    this.#unused.delete(name);
    this.#users.set(name, describe(operation));
    return parameter.shape;
  }

  checkAllUsed(): void {
    const [unused] = this.#unused.keys();
    if (unused !== undefined) throw unsupported(`no operation uses the parameter '${unused}'`);
  }
}

function outputShape(
  operation: Operation,
  inputs: readonly ValueShape[],
  parameters: ParameterUse,
  fail: Fail,
): ValueShape {
  const input = inputs[0]!;
  switch (operation.kind) {
    case "conv2d": {
      const [out, channels, kernelHeight, kernelWidth] = parameters.take(
        operation,
        operation.weight,
        "conv-weight",
        4,
        fail,
      ) as [number, number, number, number];
      const [height, width, inputChannels] = spatial(input, fail);
      const { stride, padding, groups } = operation;
      if (!isExtent(groups)) throw fail(`its groups are ${groups}`);
      if (inputChannels % groups !== 0 || out % groups !== 0) {
        throw fail(`${groups} groups do not divide ${inputChannels} channels in and ${out} out`);
      }
      checkChannels(input, channels * groups, operation.weight, fail);
      if (!isExtent(stride)) throw fail(`its stride is ${stride}`);
      if (!Number.isSafeInteger(padding) || padding < 0) throw fail(`its padding is ${padding}`);
      const outHeight = Math.floor((height + 2 * padding - kernelHeight) / stride) + 1;
      const outWidth = Math.floor((width + 2 * padding - kernelWidth) / stride) + 1;
      if (outHeight < 1 || outWidth < 1) {
        throw fail(
          `its ${kernelHeight}×${kernelWidth} kernel is larger than the padded input of [${input.join(", ")}]`,
        );
      }
      return [outHeight, outWidth, out];
    }
    case "batch-norm": {
      spatial(input, fail);
      const tensors = [
        [operation.scale, "norm-scale"],
        [operation.shift, "norm-shift"],
        [operation.runningMean, "running-mean"],
        [operation.runningVariance, "running-variance"],
      ] as const;
      for (const [name, role] of tensors) {
        const [channels] = parameters.take(operation, name, role, 1, fail);
        checkChannels(input, channels!, name, fail);
      }
      if (!(operation.epsilon > 0)) throw fail(`its epsilon is ${operation.epsilon}`);
      if (!(operation.momentum >= 0 && operation.momentum <= 1)) {
        throw fail(`its momentum is ${operation.momentum}`);
      }
      return input;
    }
    case "activation":
      return input;
    case "add": {
      const other = inputs[1]!;
      if (input.length !== other.length || input.some((extent, i) => extent !== other[i])) {
        throw fail(`adds shapes [${input.join(", ")}] and [${other.join(", ")}]`);
      }
      return input;
    }
    case "global-average-pool":
      return [spatial(input, fail)[2]];
    case "linear": {
      if (input.length !== 1) throw fail(`reads [${input.join(", ")}], it needs a flat value`);
      const { weight, bias } = operation;
      const [out, channels] = parameters.take(operation, weight, "linear-weight", 2, fail);
      checkChannels(input, channels!, weight, fail);
      const [biasLength] = parameters.take(operation, bias, "linear-bias", 1, fail);
      if (biasLength !== out) throw fail(`'${bias}' has ${biasLength} values, '${weight}' ${out}`);
      return [out!];
    }
    default:
      return operation satisfies never;
  }
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
