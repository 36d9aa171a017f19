import type { ValueId } from "../../../../protocol/model/graph.ts";
import type { LoopsKernel } from "../kernels/loops.ts";
import type { Operand, Reading } from "../operands.ts";
import type { ProgramWriter } from "../program-writer.ts";
import type { Expression } from "./expression.ts";
import { LoopWriter, type Tensors } from "./loop-writer.ts";
import type { IndexForm } from "./index-form.ts";

/** A value that is read with another, or with one value a channel. */
export interface Paired {
  readonly id: ValueId;
  readonly reading: Reading;
}

type Place = readonly [image: IndexForm, position: IndexForm, channel: IndexForm];

/** A value at a place; of one position whatever the position. */
export function pairedAt(
  writer: ProgramWriter,
  loops: Tensors,
  { id, reading }: Paired,
  [image, position, channel]: Place,
): Expression {
  const extents = writer.positionExtents(id);
  const tensor = loops.reading(reading, extents, writer.batch.groupSize);
  return tensor.at(image, extents[1] === 1 ? 0 : position, channel);
}

/** y = what is made of a and b, of the extents of a. */
export function ofPair(
  label: string,
  writer: ProgramWriter,
  a: Paired,
  b: Paired,
  y: Operand,
  make: (a: Expression, b: Expression) => Expression,
): LoopsKernel {
  const loops = new LoopWriter(writer.positionExtents(a.id));
  const read = (value: Paired): Expression => pairedAt(writer, loops, value, loops.axes);
  return loops.kernel(label, y, undefined, make(read(a), read(b)));
}
