import { EvaluationWriter } from "./evaluation-writer.ts";
import { evaluationOf } from "./operations/operations.ts";
import type { Operand } from "./operands.ts";
import type { ProgramWriter } from "./program-writer.ts";
import type { TeacherLayout } from "./teacher-layout.ts";

/**
 * Writes a model's forward pass in evaluation mode, batch norms folded, operation by operation.
 *
 * @returns the logits.
 */
export function writeTeacherPass(writer: ProgramWriter, layout: TeacherLayout): Operand {
  const pass = new EvaluationWriter(writer);
  for (const [step, pieces] of layout.pieces) evaluationOf(step).write(pass, step, pieces);
  return pass.value(writer.graph.output);
}
