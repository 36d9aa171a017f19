import * as tf from "@tensorflow/tfjs";
import { expect, it } from "vitest";
import { nodeEnvironment } from "../../../client/engine/opening/node-environment.ts";
import { openEngine } from "../../../client/engine/opening/open-engine.ts";
import type { Graph } from "../../../protocol/model/graph.ts";
import { resnet18 } from "../../../protocol/model/architectures/resnet18.ts";
import { entryView, stateLayout } from "../../../protocol/model/state-layout.ts";
import { relativeError } from "../../../scripts/golden/reproduce.ts";

type Parameters = Record<string, tf.Tensor>;

/** The graph in training mode out of plain tfjs operations, which tfjs differentiates itself. */
function forward(graph: Graph, parameters: Parameters, images: tf.Tensor4D): tf.Tensor2D {
  const values = new Map<string, tf.Tensor>([[graph.input, images]]);
  const value = <T extends tf.Tensor>(id: string): T => values.get(id) as T;
  for (const operation of graph.operations) {
    const result = ((): tf.Tensor => {
      switch (operation.kind) {
        case "conv2d": {
          const { padding, stride } = operation;
          const x = tf.pad4d(value<tf.Tensor4D>(operation.input), [
            [0, 0],
            [padding, padding],
            [padding, padding],
            [0, 0],
          ]);
          const filter = tf.transpose(parameters[operation.weight]!, [2, 3, 1, 0]) as tf.Tensor4D;
          return tf.conv2d(x, filter, stride, "valid");
        }
        case "batch-norm": {
          const x = value(operation.input);
          const mean = tf.mean(x, [0, 1, 2]);
          const centred = tf.sub(x, mean);
          const variance = tf.mean(tf.square(centred), [0, 1, 2]);
          const normal = tf.mul(centred, tf.rsqrt(tf.add(variance, operation.epsilon)));
          return tf.add(tf.mul(normal, parameters[operation.scale]!), parameters[operation.shift]!);
        }
        case "relu":
          return tf.relu(value(operation.input));
        case "add":
          return tf.add(value(operation.inputs[0]), value(operation.inputs[1]));
        case "global-average-pool":
          return tf.mean(value(operation.input), [1, 2]);
        case "linear": {
          const product = tf.matMul(
            value<tf.Tensor2D>(operation.input),
            parameters[operation.weight] as tf.Tensor2D,
            false,
            true,
          );
          return tf.add(product, parameters[operation.bias]!);
        }
      }
    })();
    values.set(operation.output, result);
  }
  return value<tf.Tensor2D>(graph.output);
}

it("[D1] the explicit backward pass gives what tfjs' own differentiation gives", async () => {
  const graph = resnet18({ width: 4, classes: 5 });
  const layout = stateLayout(graph);
  const size = 4;
  const temperature = 2.5;
  let draw = 1;
  const next = (): number => {
    draw = (Math.imul(draw, 1_664_525) + 1_013_904_223) >>> 0;
    return draw / 2 ** 32 - 0.5;
  };
  const state = Float32Array.from({ length: layout.length }, next);
  for (const entry of layout.entries) {
    if (entry.role === "norm-scale" || entry.role === "running-variance") {
      entryView(state, entry).forEach((x, i, all) => (all[i] = 1 + x));
    }
  }
  const teacher = state.map((x) => x * 0.9);
  const values = Float32Array.from({ length: size * 32 * 32 * 3 }, () => 4 * next());

  const engine = await openEngine({ backend: "tfjs-wasm", environment: nodeEnvironment() });
  const session = engine.openSession({ graph, layout, teacher });
  session.load(state);
  const batch = { values, size };
  const teacherLogits = await session.logits("teacher", batch);
  const { gradient, loss } = await session.gradient(batch, { temperature, weightDecay: 0 });
  session.close();
  await engine.close();

  await tf.setBackend("cpu");
  const trainable = layout.entries.filter(({ offset }) => offset < layout.trainableLength);
  const tensors = trainable.map((entry) =>
    tf.tensor(entryView(state, entry).slice(), [...entry.shape]),
  );
  const distillationLoss = (...given: tf.Tensor[]): tf.Scalar => {
    const parameters = Object.fromEntries(trainable.map(({ name }, i) => [name, given[i]!]));
    const images = tf.tensor4d(values, [size, 32, 32, 3]);
    const student = tf.logSoftmax(tf.div(forward(graph, parameters, images), temperature));
    const target = tf.logSoftmax(tf.div(tf.tensor2d(teacherLogits, [size, 5]), temperature));
    const divergence = tf.mul(tf.exp(target), tf.sub(target, student));
    return tf.div(tf.sum(divergence), size);
  };
  const { value, grads } = tf.valueAndGrads(distillationLoss)(tensors);

  expect(loss).toBeCloseTo((await value.data())[0]!, 4);
  for (const [i, entry] of trainable.entries()) {
    const truth = await grads[i]!.data();
    const ours = gradient.subarray(entry.offset, entry.offset + entry.size);
    expect(relativeError([...ours], [...truth]), entry.name).toBeLessThan(1e-3);
  }
});
