import type { Activation, ValueId } from "../../../protocol/model/graph.ts";
import type { Operand, Reading } from "./operands.ts";
import { stored, type ProgramWriter } from "./program-writer.ts";
import type { TeacherLayout } from "./teacher-layout.ts";

/**
 * Writes a model's forward pass in evaluation mode, batch norms folded.
 *
 * @returns the logits.
 */
export function writeTeacherPass(writer: ProgramWriter, layout: TeacherLayout): Operand {
  const { graph } = writer;
  const values = new Map<ValueId, Operand>([[graph.input, writer.images]]);
  const value = (id: ValueId): Operand => values.get(id)!;
  for (const step of layout.steps) {
    const given = step.kind === "folded-conv" ? step.conv.output : step.output;
    const y = writer.activation(step.output, given);
    values.set(step.output, y);
    const [first, second] = (layout.pieces.get(step) ?? []) as [Operand, Operand];
    switch (step.kind) {
      case "conv2d":
      case "folded-conv": {
        const folded = step.kind === "folded-conv";
        const addend = folded && step.addend !== undefined ? value(step.addend) : undefined;
        writer.emit("teacher", {
          kind: "convolve",
          geometry: writer.geometry(folded ? { ...step.conv, output: step.output } : step),
          x: stored(value(step.input)),
          weight: first,
          y,
          bias: folded ? second : undefined,
          addend,
          activation: folded ? step.activation : undefined,
          sums: undefined,
        });
        break;
      }
      case "norm": {
        const affine = { coefficients: first, common: true, activation: undefined };
        writer.emit("teacher", {
          kind: "combine",
          rows: writer.rows(step.output),
          channels: writer.extent(step.output).channels,
          x: { values: value(step.input), affine },
          addend: step.addend === undefined ? undefined : stored(value(step.addend)),
          activation: step.activation,
          y,
          sums: undefined,
        });
        break;
      }
      case "activation":
        writeCombine(writer, step.output, value(step.input), undefined, step.activation, y);
        break;
      case "add": {
        const [a, b] = step.inputs;
        writeCombine(writer, step.output, value(a), stored(value(b)), undefined, y);
        break;
      }
      case "global-average-pool": {
        const { height, width, channels } = writer.extent(step.input);
        writer.emit("teacher", {
          kind: "pool",
          images: writer.imageCount,
          positions: height * width,
          channels,
          x: stored(value(step.input)),
          y,
        });
        break;
      }
      case "linear":
        writer.emit("teacher", {
          kind: "linear",
          images: writer.imageCount,
          inputs: writer.extent(step.input).channels,
          outputs: writer.extent(step.output).channels,
          x: value(step.input),
          weight: first,
          bias: second,
          y,
        });
        break;
      default:
        step satisfies never;
    }
  }
  return value(graph.output);
}

function writeCombine(
  writer: ProgramWriter,
  output: ValueId,
  x: Operand,
  addend: Reading | undefined,
  activation: Activation | undefined,
  y: Operand,
): void {
  writer.emit("teacher", {
    kind: "combine",
    rows: writer.rows(output),
    channels: writer.extent(output).channels,
    x: stored(x),
    addend,
    activation,
    y,
    sums: undefined,
  });
}
