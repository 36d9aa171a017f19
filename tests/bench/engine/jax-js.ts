import {
  blockUntilReady,
  defaultDevice,
  init,
  jit,
  lax,
  nn,
  numpy as np,
  valueAndGrad,
} from "@jax-js/jax";
import {
  operationInputs,
  type BatchNormOperation,
  type Graph,
  type ValueId,
} from "../../../protocol/model/graph.ts";
import { entryView, type StateLayout } from "../../../protocol/model/state-layout.ts";
import type { Contestant, ContestantOptions } from "./contestant.ts";
import { affineNames, biasName, isRelu, notCompared, squareWindow } from "./residual-operations.ts";

/** By tensor name. */
type Tree = Record<string, np.Array>;
type Normalise = (x: np.Array, norm: BatchNormOperation) => np.Array;

/**
 * jax-js on WebGPU: the whole step differentiated by `valueAndGrad` and compiled by `jit`.
 *
 * Its functions consume their arguments; `.ref` keeps one for another use.
 */
export async function openJaxJs({ problem }: ContestantOptions): Promise<Contestant> {
  const devices = await init("webgpu");
  if (!devices.includes("webgpu")) throw new Error("jax-js found no WebGPU adapter");
  defaultDevice("webgpu");
  const { graph, layout, batches, settings } = problem;
  const isTrainable = (name: string): boolean => trainableNames.has(name);
  const trainableNames = new Set(
    layout.entries.filter(({ offset }) => offset < layout.trainableLength).map(({ name }) => name),
  );

  const distil = (weights: Tree, teacher: Tree, images: np.Array): [np.Array, Tree] => {
    const moments: Tree = {};
    const wanted = run(graph, teacher, images.ref, evaluationNorm(teacher));
    const given = run(graph, weights, images, trainingNorm(weights, moments));
    const logP = nn.logSoftmax(wanted.div(settings.temperature), -1);
    const logQ = nn.logSoftmax(given.div(settings.temperature), -1);
    const divergence = np.exp(logP.ref).mul(logP.sub(logQ)).sum();
    return [divergence.div(problem.batch), moments];
  };

  const step = jit(
    (weights: Tree, velocities: Tree, statistics: Tree, teacher: Tree, images: np.Array) => {
      const [[loss, moments], gradients] = valueAndGrad(distil, { hasAux: true })(
        refs(weights),
        teacher,
        images,
      );
      const nextWeights: Tree = {};
      const nextVelocities: Tree = {};
      for (const name of trainableNames) {
        const decayed = (gradients as Tree)[name]!.add(
          weights[name]!.ref.mul(settings.weightDecay),
        );
        const velocity = velocities[name]!.mul(settings.momentum).add(decayed);
        nextVelocities[name] = velocity.ref;
        nextWeights[name] = weights[name]!.sub(velocity.mul(settings.learningRate));
      }
      const nextStatistics = advance(graph, statistics, moments as Tree);
      return [nextWeights, nextVelocities, nextStatistics, loss] as [Tree, Tree, Tree, np.Array];
    },
  );

  const teacher = tree(layout, problem.teacher, () => true);
  let weights = tree(layout, problem.student, isTrainable);
  let statistics = tree(layout, problem.student, (name) => !isTrainable(name));
  let velocities: Tree = Object.fromEntries(
    Object.entries(weights).map(([name, { shape }]) => [name, np.zeros(shape)]),
  );
  let pending: np.Array[] = [];
  let lastReady: Promise<unknown> = Promise.resolve();
  const placed = batches.map(({ values, size }) => channelsFirst(values, size));
  return {
    adapter: undefined,
    step: async (index) => {
      const images = np.array(placed[index % placed.length]!, {
        shape: [problem.batch, 3, 32, 32],
      });
      const [nextWeights, nextVelocities, nextStatistics, loss] = step(
        weights,
        velocities,
        statistics,
        refs(teacher),
        images,
      );
      weights = nextWeights;
      velocities = nextVelocities;
      statistics = nextStatistics;
      pending.push(loss);
      // Nothing runs before it is waited for; two steps at a time keep the device busy.
      const before = lastReady;
      lastReady = blockUntilReady(loss);
      await before;
    },
    losses: async () => {
      const begun = pending;
      pending = [];
      const values: number[] = [];
      for (const loss of begun) values.push((await loss.data())[0]!);
      return values;
    },
  };
}

function tree(layout: StateLayout, state: Float32Array, of: (name: string) => boolean): Tree {
  return Object.fromEntries(
    layout.entries
      .filter(({ name }) => of(name))
      .map((entry) => [
        entry.name,
        np.array(entryView(state, entry).slice(), { shape: [...entry.shape] }),
      ]),
  );
}

function refs(arrays: Tree): Tree {
  return Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, array.ref]));
}

/** `[N, 32, 32, 3]` → `[N, 3, 32, 32]`, the order of its convolutions. */
function channelsFirst(values: Float32Array, size: number): Float32Array<ArrayBuffer> {
  const result = new Float32Array(values.length);
  for (let image = 0; image < size; image++) {
    for (let position = 0; position < 1024; position++) {
      for (let c = 0; c < 3; c++) {
        result[(image * 3 + c) * 1024 + position] = values[(image * 1024 + position) * 3 + c]!;
      }
    }
  }
  return result;
}

/** Consumes images; leaves the parameters to the caller. */
function run(graph: Graph, parameters: Tree, images: np.Array, norm: Normalise): np.Array {
  const readers = new Map<ValueId, number>();
  for (const operation of graph.operations) {
    for (const id of operationInputs(operation)) readers.set(id, (readers.get(id) ?? 0) + 1);
  }
  const values = new Map<ValueId, np.Array>([[graph.input, images]]);
  const take = (id: ValueId): np.Array => {
    const left = readers.get(id)! - 1;
    readers.set(id, left);
    return left > 0 ? values.get(id)!.ref : values.get(id)!;
  };
  const parameter = (name: string): np.Array => parameters[name]!.ref;
  for (const operation of graph.operations) {
    switch (operation.kind) {
      case "conv2d": {
        const { input, output, weight } = operation;
        const { stride, padding } = squareWindow(operation);
        const pads: [number, number][] = [
          [padding, padding],
          [padding, padding],
        ];
        const y = lax.convGeneralDilated(take(input), parameter(weight), [stride, stride], pads);
        values.set(output, y);
        break;
      }
      case "batch-norm":
        values.set(operation.output, norm(take(operation.input), operation));
        break;
      case "activation":
        isRelu(operation.activation);
        values.set(operation.output, nn.relu(take(operation.input)));
        break;
      case "add": {
        const [first, second] = operation.inputs;
        values.set(operation.output, take(first).add(take(second)));
        break;
      }
      case "global-average-pool":
        values.set(operation.output, np.mean(take(operation.input), [2, 3]));
        break;
      case "linear": {
        const { input, output, weight } = operation;
        const product = np.matmul(take(input), np.transpose(parameter(weight)));
        values.set(output, product.add(parameter(biasName(operation))));
        break;
      }
      default:
        notCompared(operation);
    }
  }
  return values.get(graph.output)!;
}

function perChannel(vector: np.Array): np.Array {
  return vector.reshape([1, -1, 1, 1]);
}

function evaluationNorm(parameters: Tree): Normalise {
  return (x, norm) => {
    const deviation = np.sqrt(parameters[norm.runningVariance]!.ref.add(norm.epsilon));
    const gain = parameters[affineNames(norm).scale]!.ref.div(deviation);
    const shift = parameters[affineNames(norm).shift]!.ref;
    const bias = shift.sub(parameters[norm.runningMean]!.ref.mul(gain.ref));
    return x.mul(perChannel(gain)).add(perChannel(bias));
  };
}

function trainingNorm(parameters: Tree, moments: Tree): Normalise {
  return (x, norm) => {
    const mean = np.mean(x.ref, [0, 2, 3]);
    const centred = x.sub(perChannel(mean.ref));
    const variance = np.mean(np.square(centred.ref), [0, 2, 3]);
    moments[norm.runningMean] = lax.stopGradient(mean);
    const [n = 0, , height = 0, width = 0] = centred.shape;
    const count = n * height * width;
    moments[norm.runningVariance] = lax.stopGradient(variance.ref.mul(count / (count - 1)));
    const gain = parameters[affineNames(norm).scale]!.ref.div(np.sqrt(variance.add(norm.epsilon)));
    return centred.mul(perChannel(gain)).add(perChannel(parameters[affineNames(norm).shift]!.ref));
  };
}

/** Consumes both. */
function advance(graph: Graph, statistics: Tree, moments: Tree): Tree {
  const next: Tree = {};
  for (const norm of graph.operations) {
    if (norm.kind !== "batch-norm") continue;
    for (const name of [norm.runningMean, norm.runningVariance]) {
      next[name] = statistics[name]!.mul(1 - norm.momentum).add(moments[name]!.mul(norm.momentum));
    }
  }
  return next;
}
