import type {
  AddEmbeddingOperation,
  PrependTokensOperation,
} from "../../../../protocol/model/operations/tokens.ts";
import type { BackwardWriter } from "../backward-writer.ts";
import type { ValueWriter } from "../forward-writer.ts";
import { add, firstOf } from "../loops/expression.ts";
import { sumOf } from "../loops/index-form.ts";
import { LoopWriter } from "../loops/loop-writer.ts";
import type { Operand } from "../operands.ts";
import type { OperationDescription } from "./operation.ts";

/** Parameters that tokens meet: channels last, a token after the other. */

/** y = the embedding's tokens, then those of x. */
export const prependTokens: OperationDescription<PrependTokensOperation, "embedding"> = {
  storedInputs: () => [],

  forward(pass, step) {
    prepend(pass, step, pass.writer.parameter(step.embedding));
  },

  evaluation: {
    pieces: ({ embedding }, lengthOf) => ({ embedding: lengthOf(embedding) }),
    fold(step, model, { embedding }) {
      embedding.set(model.values(step.embedding));
    },
    write: (pass, step, { embedding }) => prepend(pass, step, embedding),
  },

  backward(pass, { input, output, embedding }, dy) {
    const { writer } = pass;
    const [, all] = writer.positionExtents(output);
    const [images, tokens, channels] = writer.positionExtents(input);
    addEmbeddingGradient(pass, embedding, dy, [images, all, channels]);
    if (!pass.isWanted(input)) return;
    const loops = new LoopWriter([images, tokens, channels]);
    const [image, token, channel] = loops.axes;
    const value = loops
      .tensor(dy, [images, all, channels])
      .at(image, sumOf(token, all - tokens), channel);
    const dx = writer.activation(input);
    writer.emit("backward", loops.kernel("prepend gradient", dx, undefined, value));
    pass.pass(input, dx);
  },

  judged({ tf, value, parameter }, { input, embedding }) {
    const x = value(input);
    const [images, , channels] = x.shape as [number, number, number];
    const first = tf.reshape(parameter(embedding), [1, -1, channels]);
    return tf.concat([tf.tile(first, [images, 1, 1]), x], 1);
  },
};

function prepend(
  pass: ValueWriter,
  { input, output }: PrependTokensOperation,
  embedding: Operand,
): void {
  const { writer } = pass;
  const extents = writer.positionExtents(output);
  const from = writer.positionExtents(input);
  const loops = new LoopWriter(extents);
  const [image, token, channel] = loops.axes;
  const before = extents[1] - from[1];
  const first = loops.tensor(embedding, [before, extents[2]]);
  const x = loops.reading(pass.reading(input), from, writer.batch.groupSize);
  const behind = [image, sumOf(token, -before), channel] as const;
  const value = firstOf(
    { conditions: first.within(token, channel), gives: first.at(token, channel) },
    { conditions: x.within(...behind), gives: x.at(...behind) },
  );
  pass.give(output, (y) => loops.kernel("prepend", y, undefined, value));
}

/** y = x + the embedding. */
export const addEmbedding: OperationDescription<AddEmbeddingOperation, "embedding"> = {
  storedInputs: () => [],

  forward(pass, step) {
    addTo(pass, step, pass.writer.parameter(step.embedding));
  },

  evaluation: {
    pieces: ({ embedding }, lengthOf) => ({ embedding: lengthOf(embedding) }),
    fold(step, model, { embedding }) {
      embedding.set(model.values(step.embedding));
    },
    write: (pass, step, { embedding }) => addTo(pass, step, embedding),
  },

  backward(pass, { input, embedding }, dy) {
    addEmbeddingGradient(pass, embedding, dy, pass.writer.positionExtents(input));
    pass.pass(input, dy);
  },

  judged: ({ tf, value, parameter }, { input, embedding }) => {
    const x = value(input);
    return tf.add(x, tf.reshape(parameter(embedding), [1, ...x.shape.slice(1)]));
  },
};

function addTo(
  pass: ValueWriter,
  { input, output }: AddEmbeddingOperation,
  embedding: Operand,
): void {
  const { writer } = pass;
  const extents = writer.positionExtents(input);
  const loops = new LoopWriter(extents);
  const [image, token, channel] = loops.axes;
  const x = loops.reading(pass.reading(input), extents, writer.batch.groupSize);
  const value = add(
    x.at(image, token, channel),
    loops.tensor(embedding, [extents[1], extents[2]]).at(token, channel),
  );
  pass.give(output, (y) => loops.kernel("add embedding", y, undefined, value));
}

/** Adds to an embedding's gradient that of the first tokens of every image, image after image. */
function addEmbeddingGradient(
  { writer, wanted }: BackwardWriter,
  embedding: string,
  dy: Operand,
  extents: readonly [images: number, tokens: number, channels: number],
): void {
  if (!wanted.parameters) return;
  const [images, , channels] = extents;
  const gradient = writer.gradient(embedding);
  const loops = new LoopWriter([gradient.length / channels, channels], [images]);
  const [token, channel, image] = loops.axes;
  const of = loops.tensor(dy, extents).at(image, token, channel);
  writer.emit("backward", loops.accumulation("embedding gradient", gradient, of));
}
