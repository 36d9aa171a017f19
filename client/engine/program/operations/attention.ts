import type { AttentionOperation } from "../../../../protocol/model/operations/tokens.ts";
import type { ValueWriter } from "../forward-writer.ts";
import type { Kernel } from "../kernels/kernels.ts";
import type { MatrixStack } from "../kernels/product.ts";
import { softmaxGradientKernels, softmaxKernels } from "../loops/softmax.ts";
import { stored, type ProgramWriter } from "../program-writer.ts";
import { AttentionHeads, transposed } from "./attention-heads.ts";
import type { Tensor, Tensor3D } from "./judged-values.ts";
import { NO_PIECES, type OperationDescription } from "./operation.ts";

/**
 * y = P·V with P = softmax(Q·Kᵀ/√d), d channels a head (Vaswani et al. 2017).
 *
 * P is not kept but made again on the way back, which is one product in seven: for 16 images of 197
 * tokens and 12 heads it is 30 MB a layer, as much as three values.
 */
export const attention: OperationDescription<AttentionOperation> = {
  storedInputs: ({ inputs }) => [...new Set(inputs)],
  forward: write,
  evaluation: { ...NO_PIECES, write },

  backward(pass, step, dy) {
    const { writer, forward } = pass;
    const heads = new AttentionHeads(writer, step);
    const [query, key, value] = step.inputs;
    const valuesOf = (id: string): MatrixStack => heads.values(forward.readings.get(id)!.values);
    const emit = (kernel: Kernel): void => writer.emit("backward", kernel);
    const give = (id: string, a: MatrixStack, b: MatrixStack, factor: number): void => {
      if (!pass.isWanted(id)) return;
      const dx = writer.activation(id);
      emit(heads.ofTokens("attention gradient", a, b, heads.values(dx), factor));
      pass.pass(id, dx);
    };
    const [q, k, v, g] = [valuesOf(query), valuesOf(key), valuesOf(value), heads.values(dy)];
    const weights = heads.scores();
    for (const kernel of weightKernels(writer, heads, q, k, weights)) emit(kernel);
    give(value, transposed(weights), g, 1);
    const slopes = heads.scores();
    emit(heads.ofPairs("attention gradient of weights", g, v, slopes, 1));
    const [y, dx] = [weights.values, slopes.values];
    for (const kernel of softmaxGradientKernels(writer, heads.rows, { y, dy: dx, dx }))
      emit(kernel);
    give(query, slopes, k, heads.factor);
    give(key, transposed(slopes), q, heads.factor);
  },

  judged({ tf, value }, { inputs, heads }) {
    const [images, tokens, channels] = value<Tensor3D>(inputs[0]).shape;
    const apart = (id: string): Tensor =>
      tf.transpose(tf.reshape(value(id), [images, tokens, heads, channels / heads]), [0, 2, 1, 3]);
    const [q, k, v] = [apart(inputs[0]), apart(inputs[1]), apart(inputs[2])];
    const scores = tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(channels / heads));
    const mixed = tf.matMul(tf.softmax(scores), v);
    return tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [images, tokens, channels]);
  },
};

function write(pass: ValueWriter, step: AttentionOperation): void {
  const heads = new AttentionHeads(pass.writer, step);
  const [q, k, v] = step.inputs.map((id) => heads.values(pass.reading(id).values));
  const weights = heads.scores();
  for (const kernel of weightKernels(pass.writer, heads, q!, k!, weights)) pass.emit(kernel);
  pass.give(step.output, (y) => heads.ofTokens("attention", weights, v!, heads.values(y), 1));
}

/** P from Q and K, in the memory of the scores. */
function weightKernels(
  writer: ProgramWriter,
  heads: AttentionHeads,
  q: MatrixStack,
  k: MatrixStack,
  weights: MatrixStack,
): Kernel[] {
  const { before, last } = softmaxKernels(writer, heads.rows, stored(weights.values));
  return [
    heads.ofPairs("attention scores", q, k, weights, heads.factor),
    ...before,
    last(weights.values),
  ];
}
