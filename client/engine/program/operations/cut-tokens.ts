import type {
  SliceTokensOperation,
  TakeTokenOperation,
} from "../../../../protocol/model/operations/tokens.ts";
import type { BackwardWriter } from "../backward-writer.ts";
import type { ValueWriter } from "../forward-writer.ts";
import { sumOf } from "../loops/index-form.ts";
import { LoopWriter } from "../loops/loop-writer.ts";
import type { Operand } from "../operands.ts";
import { NO_PIECES, type OperationDescription } from "./operation.ts";

/** y = tokens `from` to before `to`. */
export const sliceTokens: OperationDescription<SliceTokensOperation> = {
  storedInputs: () => [],
  forward: slice,
  evaluation: { ...NO_PIECES, write: slice },

  backward: (pass, step, dy) => spread(pass, step, step.from, dy),

  judged({ tf, value }, { input, from, to }) {
    const x = value(input);
    return tf.slice(x, [0, from, 0], [x.shape[0]!, to - from, x.shape[2]!]);
  },
};

/** y = one token as features. */
export const takeToken: OperationDescription<TakeTokenOperation> = {
  storedInputs: () => [],
  forward: take,
  evaluation: { ...NO_PIECES, write: take },

  backward: (pass, step, dy) => spread(pass, step, step.index, dy),

  judged({ tf, value }, { input, index }) {
    const x = value(input);
    const [images, , channels] = x.shape as [number, number, number];
    return tf.reshape(tf.slice(x, [0, index, 0], [images, 1, channels]), [images, channels]);
  },
};

function slice(pass: ValueWriter, step: SliceTokensOperation): void {
  cut(pass, step, step.from);
}

function take(pass: ValueWriter, step: TakeTokenOperation): void {
  cut(pass, step, step.index);
}

interface Step {
  readonly input: string;
  readonly output: string;
}

/** y = as many tokens as y has, from one on. */
function cut(pass: ValueWriter, { input, output }: Step, from: number): void {
  const { writer } = pass;
  const loops = new LoopWriter(writer.positionExtents(output));
  const [image, token, channel] = loops.axes;
  const value = loops
    .reading(pass.reading(input), writer.positionExtents(input), writer.batch.groupSize)
    .at(image, sumOf(token, from), channel);
  pass.give(output, (y) => loops.kernel("cut tokens", y, undefined, value));
}

/** dx = dy where it was cut, 0 elsewhere. */
function spread(pass: BackwardWriter, { input, output }: Step, from: number, dy: Operand): void {
  const { writer } = pass;
  if (!pass.isWanted(input)) return;
  const loops = new LoopWriter(writer.positionExtents(input));
  const [image, token, channel] = loops.axes;
  const value = loops
    .tensor(dy, writer.positionExtents(output))
    .padded(0, image, sumOf(token, -from), channel);
  const dx = writer.activation(input);
  writer.emit("backward", loops.kernel("cut tokens gradient", dx, undefined, value));
  pass.pass(input, dx);
}
