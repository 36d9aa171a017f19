import * as tf from "@tensorflow/tfjs";
import type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor4D, Variable } from "@tensorflow/tfjs-core";
import { ADAM_EPSILON } from "../../../../client/engine/optimizer.ts";
import { toChannelsLast } from "../../../../client/engine/program/device-layout.ts";
import {
  paddedBy,
  type JudgedValues,
} from "../../../../client/engine/program/operations/judged-values.ts";
import { operationOf } from "../../../../client/engine/program/operations/operations.ts";
import type {
  BatchNormOperation,
  Conv2dOperation,
  Graph,
  Operation,
  ValueId,
} from "../../../../protocol/model/graph.ts";
import { entryView, type StateLayout } from "../../../../protocol/model/state-layout.ts";
import type { Contestant, ContestantOptions } from "../contestant.ts";
import type { DistillationProblem } from "../distillation-case.ts";
import { affineNames } from "../residual-operations.ts";
import { filterGradientByConvolution } from "./filter-gradient.ts";
import { startTfjsWasm } from "./start-wasm.ts";

type Parameters = ReadonlyMap<string, Variable>;
type Normalise = (x: Tensor4D, norm: BatchNormOperation) => Tensor4D;

/**
 * tfjs as it comes: its own differentiation, its own optimiser, its own choice of kernels, no flag
 * touched. Batch norm in training as its layers compose it, of `moments` and `batchNorm`.
 *
 * Its WebAssembly has no gradient of a convolution's filter. It gets the one that we compose of its
 * forward convolution, so that it can take part; of depthwise ones it has neither gradient.
 */
export async function openTfjsShipped(
  { problem, threads }: ContestantOptions,
  backend: "webgpu" | "wasm",
): Promise<Contestant> {
  if (threads > 1) throw new Error("tfjs has no threads in Node (its issue 3830)");
  await start[backend]();
  const { graph, layout, batches, settings } = problem;
  const { height, width, channels } = graph.inputShape;
  const teacher = upload(layout, problem.teacher);
  const student = upload(layout, problem.student);
  const trainable = layout.entries
    .filter(({ offset }) => offset < layout.trainableLength)
    .map(({ name }) => student.get(name)!);
  const optimiser = optimiserOf(problem);
  let pending: Scalar[] = [];

  const distil = (images: Tensor4D, moments: Map<BatchNormOperation, Moments>): Scalar => {
    const wanted = run(graph, teacher, images, evaluationNorm(teacher));
    const given = run(graph, student, images, trainingNorm(student, moments));
    const logP = tf.logSoftmax(tf.div(wanted, settings.temperature));
    const logQ = tf.logSoftmax(tf.div(given, settings.temperature));
    return tf.div(tf.sum(tf.mul(tf.exp(logP), tf.sub(logP, logQ))), images.shape[0]);
  };

  return {
    adapter: undefined,
    step: async (index) => {
      const batch = batches[index % batches.length]!;
      const loss = tf.tidy(() => {
        const images = tf.tensor4d(batch.values, [batch.size, height, width, channels]);
        const moments = new Map<BatchNormOperation, Moments>();
        const { value, grads } = tf.variableGrads(() => distil(images, moments), trainable);
        optimiser(trainable, grads);
        advanceStatistics(student, moments);
        for (const { mean, variance } of moments.values()) tf.dispose([mean, variance]);
        return value;
      });
      pending.push(loss);
    },
    losses: async () => {
      const begun = pending;
      pending = [];
      const values: number[] = [];
      for (const loss of begun) values.push((await loss.data())[0]!);
      tf.dispose(begun);
      return values;
    },
  };
}

const start = {
  webgpu: async (): Promise<void> => {
    tf.enableProdMode();
    await import("@tensorflow/tfjs-backend-webgpu");
    if (!(await tf.setBackend("webgpu"))) throw new Error("tfjs found no WebGPU adapter");
  },
  wasm: async (): Promise<void> => {
    await startTfjsWasm();
    tf.registerKernel({
      kernelName: tf.Conv2DBackpropFilter,
      backendName: "wasm",
      kernelFunc: ({ inputs, attrs }) => {
        const { x, dy } = inputs as unknown as Record<"x" | "dy", Tensor4D>;
        const { strides, pad, filterShape } = attrs as unknown as {
          readonly strides: readonly [number, number];
          readonly pad: number;
          readonly filterShape: [number, number, number, number];
        };
        const geometry = { stride: strides[0], padding: pad };
        return filterGradientByConvolution(x, dy, filterShape, geometry);
      },
    });
  },
};

type Optimise = (variables: readonly Variable[], gradients: tf.NamedTensorMap) => void;

function optimiserOf({ optimizer, settings }: DistillationProblem): Optimise {
  const { learningRate, momentum, secondMomentum, weightDecay } = settings;
  if (optimizer === "sgd") {
    const sgd = tf.train.momentum(learningRate, momentum);
    return (variables, gradients) => {
      const decayed = variables.map((variable) => {
        const decay = tf.mul(variable, weightDecay);
        return { name: variable.name, tensor: tf.add(gradients[variable.name]!, decay) };
      });
      sgd.applyGradients(decayed);
    };
  }
  const adam = tf.train.adam(learningRate, momentum, secondMomentum, ADAM_EPSILON);
  return (variables, gradients) => {
    for (const variable of variables) {
      variable.assign(tf.mul(variable, 1 - learningRate * weightDecay));
    }
    adam.applyGradients(
      variables.map(({ name }) => ({ name, tensor: gradients[name]! as Tensor })),
    );
  };
}

interface Moments {
  readonly mean: Tensor1D;
  readonly variance: Tensor1D;
  /** Values per channel. */
  readonly count: number;
}

function upload(layout: StateLayout, state: Float32Array): Parameters {
  return new Map(
    layout.entries.map((entry) => {
      const values = entryView(state, entry);
      if (entry.role !== "conv-weight") {
        return [entry.name, tf.variable(tf.tensor(values.slice(), [...entry.shape]))] as const;
      }
      const [out, input, height, width] = entry.shape as [number, number, number, number];
      const filter = toChannelsLast(values, entry.shape);
      return [entry.name, tf.variable(tf.tensor(filter, [height, width, input, out]))] as const;
    }),
  );
}

/** By what judges the project's operations, but for what has a form of its own here. */
function run(graph: Graph, parameters: Parameters, images: Tensor4D, norm: Normalise): Tensor2D {
  const values = new Map<ValueId, Tensor>([[graph.input, images]]);
  const given: JudgedValues = {
    tf,
    value: <T extends Tensor>(id: ValueId) => values.get(id) as T,
    parameter: <T extends Tensor>(name: string) => parameters.get(name) as Tensor as T,
  };
  const valueOf = (operation: Operation): Tensor => {
    switch (operation.kind) {
      case "conv2d":
        return convolve(given, operation);
      case "batch-norm":
        return norm(given.value(operation.input), operation);
      default:
        return operationOf(operation).judged(given, operation);
    }
  };
  for (const operation of graph.operations) values.set(operation.output, valueOf(operation));
  return given.value<Tensor2D>(graph.output);
}

function convolve({ value, parameter }: JudgedValues, operation: Conv2dOperation): Tensor4D {
  const { input, weight, bias, stride, padding, dilation, groups } = operation;
  const { top, bottom, left, right } = padding;
  const isEven = top === bottom && left === right && top === left;
  const image = value<Tensor4D>(input);
  const x = isEven ? image : paddedBy(tf, image, padding, 0);
  const pad = isEven ? top : 0;
  const filter = parameter<Tensor4D>(weight);
  const steps: [number, number] = [...stride];
  const apart: [number, number] = [...dilation];
  let y: Tensor4D;
  if (groups === 1) {
    y = tf.conv2d(x, filter, steps, pad, "NHWC", apart);
  } else if (groups === image.shape[3] && filter.shape[3] === groups) {
    const [height, width] = filter.shape;
    const each: Tensor4D = tf.reshape(filter, [height, width, groups, 1]);
    y = tf.depthwiseConv2d(x, each, steps, pad, "NHWC", apart);
  } else {
    throw new Error(`tfjs has no convolution of ${groups} groups`);
  }
  return bias === undefined ? y : tf.add(y, parameter(bias));
}

function evaluationNorm(parameters: Parameters): Normalise {
  const get = (name: string): Tensor1D => parameters.get(name) as Tensor as Tensor1D;
  return (x, norm) => {
    const { runningMean, runningVariance, epsilon } = norm;
    const { scale, shift } = affineNames(norm);
    return tf.batchNorm(x, get(runningMean), get(runningVariance), get(shift), get(scale), epsilon);
  };
}

function trainingNorm(
  parameters: Parameters,
  moments: Map<BatchNormOperation, Moments>,
): Normalise {
  const get = (name: string): Tensor1D => parameters.get(name) as Tensor as Tensor1D;
  return (x, norm) => {
    const { mean, variance } = tf.moments(x, [0, 1, 2]) as { mean: Tensor1D; variance: Tensor1D };
    // Differentiation frees what the function made once it is done.
    moments.set(norm, {
      mean: tf.keep(mean),
      variance: tf.keep(variance),
      count: x.size / x.shape[3],
    });
    const { scale, shift } = affineNames(norm);
    return tf.batchNorm(x, mean, variance, get(shift), get(scale), norm.epsilon);
  };
}

function advanceStatistics(
  parameters: Parameters,
  moments: ReadonlyMap<BatchNormOperation, Moments>,
): void {
  for (const [norm, { mean, variance, count }] of moments) {
    const blend = (name: string, fresh: Tensor1D, share: number): void => {
      const running = parameters.get(name)!;
      running.assign(tf.add(tf.mul(running, 1 - norm.momentum), tf.mul(fresh, share)));
    };
    blend(norm.runningMean, mean, norm.momentum);
    blend(norm.runningVariance, variance, (norm.momentum * count) / (count - 1));
  }
}
