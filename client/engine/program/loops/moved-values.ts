import type { ValueId } from "../../../../protocol/model/graph.ts";
import type { LoopsKernel } from "../kernels/loops.ts";
import type { Operand, Reading } from "../operands.ts";
import type { ProgramWriter } from "../program-writer.ts";
import { sumOf } from "./index-form.ts";
import { LoopWriter } from "./loop-writer.ts";

/** A value as a kernel reads it, and whose extents it has. */
export interface Source {
  readonly id: ValueId;
  readonly reading: Reading;
}

/** y[…, channel] = x[…, channel + shift], 0 where x has no such channel. */
export function shiftedChannels(
  writer: ProgramWriter,
  label: string,
  { id, reading }: Source,
  output: ValueId,
  y: Operand,
  shift: number,
): LoopsKernel {
  const loops = new LoopWriter(writer.positionExtents(output));
  const [image, position, channel] = loops.axes;
  const value = loops
    .reading(reading, writer.positionExtents(id), writer.batch.groupSize)
    .padded(0, image, position, sumOf(channel, shift));
  return loops.kernel(label, y, undefined, value);
}

/** y = x with its last two axes changed over, of `[N, …]` values seen as `[outer, first, second]`. */
export function transposed(
  label: string,
  x: Operand,
  y: Operand,
  [outer, first, second]: readonly [number, number, number],
): LoopsKernel {
  const loops = new LoopWriter([outer, second, first]);
  const [out, b, a] = loops.axes;
  const value = loops.tensor(x, [outer, first, second]).at(out, a, b);
  return loops.kernel(label, y, undefined, value);
}
