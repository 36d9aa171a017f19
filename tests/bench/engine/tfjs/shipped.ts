import * as tf from "@tensorflow/tfjs";
import type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor4D, Variable } from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-webgpu";
import { rulesOf } from "../../../../client/engine/program/activations.ts";
import { toChannelsLast } from "../../../../client/engine/program/device-layout.ts";
import type { BatchNormOperation, Graph, ValueId } from "../../../../protocol/model/graph.ts";
import { entryView, type StateLayout } from "../../../../protocol/model/state-layout.ts";
import type { Contestant, ContestantOptions } from "../contestant.ts";
import { affineNames, biasName, notCompared, squareWindow } from "../residual-operations.ts";

type Parameters = ReadonlyMap<string, Variable>;
type Normalise = (x: Tensor4D, norm: BatchNormOperation) => Tensor4D;

/**
 * tfjs as it comes: its own differentiation, its own optimiser, its own choice of kernels, no flag
 * touched. Batch norm in training as its layers compose it, of `moments` and `batchNorm`.
 */
export async function openTfjsShipped({ problem }: ContestantOptions): Promise<Contestant> {
  tf.enableProdMode();
  if (!(await tf.setBackend("webgpu"))) throw new Error("tfjs found no WebGPU adapter");
  const { graph, layout, batches, settings } = problem;
  const teacher = upload(layout, problem.teacher);
  const student = upload(layout, problem.student);
  const trainable = layout.entries
    .filter(({ offset }) => offset < layout.trainableLength)
    .map(({ name }) => student.get(name)!);
  const optimiser = tf.train.momentum(settings.learningRate, settings.momentum);
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
        const images = tf.tensor4d(batch.values, [batch.size, 32, 32, 3]);
        const moments = new Map<BatchNormOperation, Moments>();
        const { value, grads } = tf.variableGrads(() => distil(images, moments), trainable);
        const decayed = trainable.map((variable) => {
          const decay = tf.mul(variable, settings.weightDecay);
          return { name: variable.name, tensor: tf.add(grads[variable.name]!, decay) };
        });
        optimiser.applyGradients(decayed);
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

function run(graph: Graph, parameters: Parameters, images: Tensor4D, norm: Normalise): Tensor2D {
  const values = new Map<ValueId, Tensor>([[graph.input, images]]);
  const value = <T extends Tensor>(id: ValueId): T => values.get(id) as T;
  const parameter = <T extends Tensor>(name: string): T => parameters.get(name) as Tensor as T;
  for (const operation of graph.operations) {
    switch (operation.kind) {
      case "conv2d": {
        const { input, output, weight } = operation;
        const { stride, padding } = squareWindow(operation);
        values.set(output, tf.conv2d(value<Tensor4D>(input), parameter(weight), stride, padding));
        break;
      }
      case "batch-norm":
        values.set(operation.output, norm(value(operation.input), operation));
        break;
      case "activation":
        values.set(
          operation.output,
          rulesOf(operation.activation).judged(tf, value(operation.input)),
        );
        break;
      case "add": {
        const [first, second] = operation.inputs;
        values.set(operation.output, tf.add(value(first), value(second)));
        break;
      }
      case "global-average-pool":
        values.set(operation.output, tf.mean(value(operation.input), [1, 2]));
        break;
      case "linear": {
        const { input, output, weight } = operation;
        const product = tf.matMul(value<Tensor2D>(input), parameter<Tensor2D>(weight), false, true);
        values.set(output, tf.add(product, parameter(biasName(operation))));
        break;
      }
      default:
        notCompared(operation);
    }
  }
  return value<Tensor2D>(graph.output);
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
