import type { Operand } from "../operands.ts";
import type { ProgramWriter } from "../program-writer.ts";
import type { Expression } from "./expression.ts";
import { multipleOf, sumOf, type IndexForm } from "./index-form.ts";
import { LoopWriter, type Tensors } from "./loop-writer.ts";

/** Terms that one thread adds up: short enough to lose nothing that matters. */
const RUN = 128;

/** What is summed, over images, positions and channels. */
export interface PositionTerms {
  readonly label: string;
  readonly positions: number;
  readonly channels: number;
  /** The term, of extents `[N, positions, C]`. */
  term(loops: Tensors, at: readonly [IndexForm, IndexForm, IndexForm]): Expression;
}

/** Writes kernels of the backward pass that sum over each image's positions, into `[N, C]`. */
export function sumOverPositions(writer: ProgramWriter, y: Operand, terms: PositionTerms): void {
  const { label, positions, channels, term } = terms;
  const images = writer.imageCount;
  if (positions <= RUN) {
    const loops = new LoopWriter([images, channels], [positions]);
    const [image, channel, position] = loops.axes;
    const of = term(loops, [image, position, channel]);
    writer.emit("backward", loops.kernel(label, y, { by: "sum", of }));
    return;
  }
  const runs = Math.ceil(positions / RUN);
  const loops = new LoopWriter([images, runs, channels], [RUN]);
  const [image, run, channel, inRun] = loops.axes;
  const position = sumOf(multipleOf(run, RUN), inRun);
  const of = loops.whenBelow(position, positions, term(loops, [image, position, channel]));
  const partial = writer.workspace(images * runs * channels);
  writer.emit("backward", loops.kernel(label, partial, { by: "sum", of }));
  sumOverPositions(writer, y, {
    label,
    positions: runs,
    channels,
    term: (last, at) => last.tensor(partial, [images, runs, channels]).at(...at),
  });
}

/**
 * Writes kernels that add to a parameter's gradient, one value a channel: image after image, so that
 * how many norm groups there are at once changes no bit.
 */
export function sumOverImages(
  writer: ProgramWriter,
  gradient: Operand,
  terms: PositionTerms,
): void {
  const { label, channels } = terms;
  const images = writer.imageCount;
  const ofImages = writer.workspace(images * channels);
  sumOverPositions(writer, ofImages, terms);
  const loops = new LoopWriter([channels], [images]);
  const [channel, image] = loops.axes;
  const of = loops.tensor(ofImages, [images, channels]).at(image, channel);
  writer.emit("backward", loops.accumulation(label, gradient, of));
}
