import type { ValueId } from "../../../../protocol/model/graph.ts";
import type { BackwardWriter, PartsOf } from "../backward-writer.ts";
import type { Operand, Reading } from "../operands.ts";
import type { ConvolutionKernels } from "./convolution-kernels.ts";

/** Backward passes that convolutions and linear layers have in common. */

/** Writes a weight's gradient, added to what is there. */
export function writeFilterGradient(
  { writer }: BackwardWriter,
  kernel: ConvolutionKernels["filterGradient"],
  { x, dy, weight }: { readonly x: Reading; readonly dy: Operand; readonly weight: string },
): void {
  const { groupSize, groups } = writer.batch;
  const parts = groups * kernel.parts(groupSize);
  const dw = writer.gradient(weight);
  writer.emit("backward", {
    ...kernel.is,
    x,
    dy,
    dw,
    workspace: parts > 1 ? writer.workspace(parts * dw.length) : undefined,
    parts,
  });
}

/** Writes the gradient of what was added to every position of `output`, channel by channel. */
export function writeBiasGradient(
  { writer }: BackwardWriter,
  output: ValueId,
  bias: string,
  dy: Operand,
): void {
  const rows = writer.rows(output);
  const { channels } = writer.extent(output);
  const parts = writer.tiling.rowParts(rows / writer.batch.groups, channels);
  writer.emit("backward", {
    kind: "bias-gradient",
    rows,
    channels,
    dy,
    sums: { operand: writer.perGroup(2 * parts, channels), parts },
    dBias: writer.gradient(bias),
  });
}

/** Contributes to the gradient of a product's input. */
export function writeInputGradient(
  pass: BackwardWriter,
  kernel: ConvolutionKernels["inputGradient"],
  { input, weight, dy }: { readonly input: ValueId; readonly weight: string; readonly dy: Operand },
): void {
  const { writer } = pass;
  const dx = writer.activation(input);
  const parts: PartsOf = () => kernel.parts(writer.batch.groupSize);
  const epilogue = pass.contribute(input, dx, parts);
  writer.emit("backward", {
    ...kernel.is(epilogue),
    dy,
    weight: writer.parameter(weight),
    dx,
    epilogue,
  });
}
