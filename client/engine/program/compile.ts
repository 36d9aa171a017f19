import type { Graph } from "../../../protocol/model/graph.ts";
import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import { ArenaBuffer, placeBuffers } from "./arena.ts";
import type { CopyRows } from "./kernels/copies.ts";
import { fuseHead } from "./fuse-head.ts";
import type { HeadKernel } from "./kernels/head.ts";
import type { Program } from "./program.ts";
import type { Operand, Precision } from "./operands.ts";
import { ProgramWriter, type BatchShape } from "./program-writer.ts";
import { writeBackwardPass } from "./student-backward.ts";
import { writeForwardPass } from "./student-forward.ts";
import { writeTeacherPass } from "./teacher-pass.ts";
import { teacherLayout } from "./teacher-layout.ts";
import type { Tiling } from "./tiling.ts";

/**
 * - `distil`: teacher forward; student forward, loss and backward.
 * - `imitate`: the same towards logits of the teacher that the backend has from before.
 * - `revise`: `imitate` once more from other weights, for their gradient alone: running statistics stay
 *   and there is no result.
 * - `supervise`: the same as `distil` towards probabilities that the host gives.
 * - `attack`: forward and back to the images, the student in evaluation mode: the direction in which
 *   its answers leave those given.
 * - `evaluate`: forward in evaluation mode, of the model in the `teacher` region.
 * - `observe`: the student's forward pass in training mode; running statistics stay.
 * - `measure`: the student's forward pass in evaluation mode; afterwards its running statistics are
 *   those of the batch's last norm group.
 */
export type ProgramMode =
  | "distil"
  | "imitate"
  | "revise"
  | "supervise"
  | "attack"
  | "evaluate"
  | "observe"
  | "measure";

/** Copies with a perturbation that a program works on. */
export interface PerturbedCopies {
  /** Copies of a norm group. */
  readonly perGroup: number;
  /** Whether every copy has a perturbation of its own. */
  readonly perImage: boolean;
  /** Nodes along a side of a field that warps them (`WarpSettings`); not warped when left out. */
  readonly warpGrid?: number | undefined;
  /** Whether a pattern is added to all of them besides; none when left out. */
  readonly patterned?: boolean | undefined;
}

export interface CompileOptions {
  readonly graph: Graph;
  readonly layout: StateLayout;
  readonly mode: ProgramMode;
  readonly batch: BatchShape;
  readonly tiling: Tiling;
  /**
   * None when left out. `distil` trains on them too and gives the gradient by the perturbation,
   * `imitate` and `revise` train on them too, `attack` looks at nothing else: towards logits it then has from
   * before, otherwise at the images as they are, towards probabilities that the host gives.
   */
  readonly copies?: PerturbedCopies | undefined;
  /** Whether `revise`, too, gives the gradient by the copies' perturbation; not when left out. */
  readonly ascends?: boolean | undefined;
  /** Of activations; f32 when left out. */
  readonly precision?: Precision;
  /** Whether the backend runs this head as one kernel; never when left out. */
  readonly fusesHead?: (head: HeadKernel) => boolean;
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
export function compileProgram(options: CompileOptions): Program {
  const { graph, layout, batch, tiling, precision = "f32" } = options;
  const writer = new ProgramWriter(graph, layout, batch, tiling, precision);
  const logits = writePasses(writer, options);
  const scheduled = fuseHead(writer.kernels, options.fusesHead ?? (() => false));
  const kernels = scheduled.map(({ kernel }) => kernel);
  // The host fills the images before the first kernel and reads the logits after the last.
  const always = [writer.images, logits].filter((operand) => operand instanceof ArenaBuffer);
  const size = placeBuffers(kernels, always);
  return { ...batch, images: writer.images, logits, kernels: scheduled, ...size };
}

type Passes = Pick<CompileOptions, "mode" | "copies" | "ascends">;

function writePasses(writer: ProgramWriter, passes: Passes): Operand {
  const { mode, copies } = passes;
  switch (mode) {
    case "evaluate":
      return writeTeacherPass(writer, teacherLayout(writer.graph));
    case "observe":
    case "measure":
      return writeForwardPass(writer, mode).logits;
    case "attack":
      return writeAttack(writer, copies);
    case "distil":
    case "imitate":
    case "revise":
    case "supervise":
      return writeTraining(writer, passes);
    default:
      return mode satisfies never;
  }
}

function writeTraining(writer: ProgramWriter, { mode, copies, ascends }: Passes): Operand {
  const revises = mode === "revise";
  const teacher =
    mode === "distil" ? writeTeacherPass(writer, teacherLayout(writer.graph)) : undefined;
  const rows = copies && rowsOf(writer, writer.batch.groupSize, copies.perGroup);
  const student = rows ? writePerturbed(writer, rows, copies) : writer;
  const forward = writeForwardPass(student, revises ? "observe" : "advance");
  const dLogits = student.activation(writer.graph.output);
  student.emit("loss", {
    kind: "loss",
    images: student.imageCount,
    classes: writer.graph.classes,
    student: forward.logits,
    teacher,
    given: mode === "supervise" ? "probabilities" : "logits",
    rows,
    purpose: revises ? "revision" : "training",
    dLogits,
  });
  const images = copies !== undefined && (mode === "distil" || (revises && ascends === true));
  const gradient = writeBackwardPass(student, forward, dLogits, { parameters: true, images });
  if (rows && gradient) writeCollection(writer, student, rows, copies, gradient);
  return forward.logits;
}

function writeAttack(writer: ProgramWriter, copies: PerturbedCopies | undefined): Operand {
  // As they are, each image counts as a copy of itself.
  const rows = rowsOf(writer, 0, copies?.perGroup ?? writer.batch.groupSize);
  const student = copies ? writePerturbed(writer, rows, copies) : writer;
  const forward = writeForwardPass(student, "running");
  const dLogits = student.activation(writer.graph.output);
  student.emit("loss", {
    kind: "loss",
    images: student.imageCount,
    classes: writer.graph.classes,
    student: forward.logits,
    teacher: undefined,
    given: copies ? "logits" : "probabilities",
    rows,
    purpose: "ascent",
    dLogits,
  });
  const wanted = { parameters: false, images: true };
  const gradient = writeBackwardPass(student, forward, dLogits, wanted);
  writeCollection(writer, student, rows, copies, gradient!);
  return forward.logits;
}

function rowsOf({ batch }: ProgramWriter, clean: number, copies: number): CopyRows {
  return { groupSize: batch.groupSize, clean, copies };
}

/** Writes images and copies; returns the writer of passes that read them. */
function writePerturbed(
  writer: ProgramWriter,
  rows: CopyRows,
  copies: PerturbedCopies,
): ProgramWriter {
  const student = writer.regrouped(rows);
  student.emit("forward", {
    kind: "perturb",
    rows,
    imageLength: writer.images.length / writer.imageCount,
    perImage: copies.perImage,
    warp: warpOf(writer, copies),
    patterned: copies.patterned ?? false,
    images: writer.images,
    perturbed: student.images,
  });
  return student;
}

function warpOf({ graph }: ProgramWriter, copies: PerturbedCopies | undefined) {
  const grid = copies?.warpGrid;
  return grid === undefined ? undefined : { grid, image: graph.inputShape };
}

/** @param writer of the pass that has the images as they were before they became copies. */
function writeCollection(
  writer: ProgramWriter,
  student: ProgramWriter,
  rows: CopyRows,
  copies: PerturbedCopies | undefined,
  gradient: Operand,
): void {
  const warp = warpOf(writer, copies);
  student.emit("backward", {
    kind: "collect-ascent",
    rows,
    imageLength: gradient.length / student.imageCount,
    perImage: copies?.perImage ?? false,
    gradient,
    warp: warp && { ...warp, images: writer.images },
  });
}
