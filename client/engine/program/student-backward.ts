import type { ValueId } from "../../../protocol/model/graph.ts";
import { BackwardWriter, type GradientsWanted } from "./backward-writer.ts";
import type { ForwardPass } from "./forward-pass.ts";
import { operationOf } from "./operations/operations.ts";
import type { Operand } from "./operands.ts";
import { stepInputs, type TrainingStep } from "./plan.ts";
import type { ProgramWriter } from "./program-writer.ts";

/**
 * Writes the backward pass from the gradient of the logits to that of every parameter, or to that of
 * the images, or to both: operation by operation, last first.
 *
 * @returns the gradient of the images, if it is wanted.
 */
export function writeBackwardPass(
  writer: ProgramWriter,
  forward: ForwardPass,
  dLogits: Operand,
  wanted: GradientsWanted,
): Operand | undefined {
  const { graph } = writer;
  const steps = stepsToward(graph.output, forward.steps);
  const pass = new BackwardWriter(writer, forward, wanted, steps);
  for (const step of steps.toReversed()) {
    if (step.output === graph.output) pass.pass(graph.output, dLogits);
    operationOf(step).backward(pass, step, pass.gradient(step.output)!);
  }
  return pass.gradient(graph.input);
}

/** Steps that have a part in the output, in order. */
function stepsToward(output: ValueId, steps: readonly TrainingStep[]): TrainingStep[] {
  const wanted = new Set([output]);
  const found = steps.toReversed().filter((step) => {
    if (!wanted.has(step.output)) return false;
    for (const id of stepInputs(step)) wanted.add(id);
    return true;
  });
  return found.toReversed();
}
