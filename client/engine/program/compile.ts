import type { Graph } from "../../../protocol/model/graph.ts";
import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import { ArenaBuffer, placeBuffers } from "./arena.ts";
import type { Operand, Program } from "./program.ts";
import { ProgramWriter, type BatchShape } from "./program-writer.ts";
import { writeBackwardPass } from "./student-backward.ts";
import { writeForwardPass } from "./student-forward.ts";
import { writeTeacherPass } from "./teacher-pass.ts";
import { teacherLayout } from "./teacher-layout.ts";
import type { Tiling } from "./tiling.ts";

/**
 * - `distil`: teacher forward; student forward, loss and backward.
 * - `supervise`: the same towards probabilities that the host gives.
 * - `evaluate`: forward in evaluation mode, of the model in the `teacher` region.
 * - `observe`: the student's forward pass in training mode; running statistics stay.
 */
export type ProgramMode = "distil" | "supervise" | "evaluate" | "observe";

export interface CompileOptions {
  readonly graph: Graph;
  readonly layout: StateLayout;
  readonly mode: ProgramMode;
  readonly batch: BatchShape;
  readonly tiling: Tiling;
}

/**
 * Compiles a micro-batch of a graph to kernels with fixed memory.
 *
 * @throws ProtocolError for a graph that is not valid, EngineError `invalid-input` for a batch too
 *   small for its norms.
 *
 * @example
 * const program = compileProgram({ graph, layout, mode: "distil", batch, tiling });
 * console.log(describeProgram(program).text);
 */
export function compileProgram({ graph, layout, mode, batch, tiling }: CompileOptions): Program {
  const writer = new ProgramWriter(graph, layout, batch, tiling);
  const logits = writePasses(writer, mode);
  const kernels = writer.kernels.map(({ kernel }) => kernel);
  // The host fills the images before the first kernel and reads the logits after the last.
  const always = [writer.images, logits].filter((operand) => operand instanceof ArenaBuffer);
  const size = placeBuffers(kernels, always);
  return { ...batch, images: writer.images, logits, kernels: writer.kernels, ...size };
}

function writePasses(writer: ProgramWriter, mode: ProgramMode): Operand {
  const teacher =
    mode === "distil" || mode === "evaluate"
      ? writeTeacherPass(writer, teacherLayout(writer.graph))
      : undefined;
  if (mode === "evaluate") return teacher!;
  const forward = writeForwardPass(writer, mode !== "observe");
  if (mode === "observe") return forward.logits;
  const dLogits = writer.activation(writer.graph.output);
  writer.emit("loss", {
    kind: "loss",
    images: writer.imageCount,
    classes: writer.graph.classes,
    student: forward.logits,
    teacher,
    dLogits,
  });
  writeBackwardPass(writer, forward, dLogits);
  return forward.logits;
}
