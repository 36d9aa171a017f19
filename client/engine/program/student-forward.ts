import type { ForwardPass, NormMode } from "./forward-pass.ts";
import { ForwardWriter } from "./forward-writer.ts";
import { operationOf } from "./operations/operations.ts";
import { trainingPlan } from "./plan.ts";
import type { ProgramWriter } from "./program-writer.ts";

/** Writes the student's forward pass, operation by operation. */
export function writeForwardPass(writer: ProgramWriter, mode: NormMode): ForwardPass {
  const { graph } = writer;
  const { steps } = trainingPlan(graph);
  const pass = new ForwardWriter(writer, mode, {
    normed: new Set(steps.flatMap((step) => (step.kind === "batch-norm" ? [step.input] : []))),
    stored: new Set([
      ...steps.flatMap((step) => operationOf(step).storedInputs(step)),
      graph.output,
    ]),
  });
  for (const step of steps) operationOf(step).forward(pass, step);
  return {
    steps,
    logits: pass.stored(graph.output),
    readings: pass.readings,
    norms: pass.norms,
    moments: pass.moments,
    producers: new Map(steps.map((step) => [step.output, step])),
  };
}
