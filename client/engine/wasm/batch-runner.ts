import type { Graph } from "../../../protocol/model/graph.ts";
import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import type { StepResult } from "../engine.ts";
import { compileProgram, type PerturbedCopies } from "../program/compile.ts";
import type { BatchShape } from "../program/program-writer.ts";
import type { Program } from "../program/program.ts";
import {
  cutBatch,
  equalPieces,
  fewestPieces,
  halvings,
  mostGroupsOf,
  type BatchCut,
} from "../step/micro-batches.ts";
import { takesImagesAlone, trains, type PassProgram } from "../step/passes.ts";
import { keyOf } from "../step/request.ts";
import type { Perturbations } from "./adversary.ts";
import { LoadedBatch, reserveFor, type Workplace } from "./loaded-batch.ts";
import type { Perturbation } from "./plan/copy-kernels.ts";
import { NO_LOSS } from "./plan/loss-kernel.ts";
import { wasmTiling } from "./plan/wasm-tiling.ts";
import type { Model, SessionMemory } from "./session-memory.ts";

/** A batch as programs read it. */
export interface Images {
  /** `[size, H, W, C]` */
  readonly values: Float32Array;
  readonly size: number;
  /** Divides the size. */
  readonly groupSize: number;
}

/** A batch for the student in training mode, or for an ascent. */
export interface BatchWork extends Images {
  readonly program: PassProgram;
  /** T of the softmax of teacher and student. */
  readonly temperature: number;
  /** `[size, classes]`, what the student is to answer; undefined: what the program's teacher does. */
  readonly given: Float32Array | undefined;
  /** Where the program has copies. */
  readonly perturbations: Perturbations | undefined;
}

/** What a program is given of a batch at once. */
interface Piece {
  readonly loaded: LoadedBatch;
  /** Images, from the first on and before the last. */
  readonly first: number;
  readonly end: number;
}

/** Images that a program takes one by one and has at most; more make nothing faster. */
const MOST_ALONE = 128;

/** The programs of a session, loaded for batches of any shape, and what runs batches by them. */
export class BatchRunner {
  readonly #graph: Graph;
  readonly #layout: StateLayout;
  readonly #memory: SessionMemory;
  readonly #workplace: Workplace;
  readonly #programs = new Map<string, Program>();
  readonly #batches: Readonly<Record<Model, Map<Program, LoadedBatch>>> = {
    teacher: new Map(),
    evaluated: new Map(),
    inspected: new Map(),
  };
  /** Whether the teacher's packed weights are in memory. */
  #teacherPacked = false;

  constructor(graph: Graph, layout: StateLayout, memory: SessionMemory, workplace: Workplace) {
    this.#graph = graph;
    this.#layout = layout;
    this.#memory = memory;
    this.#workplace = workplace;
  }

  /**
   * Runs a program over a batch. One that trains leaves the gradient by the weights in memory, others
   * leave it alone.
   */
  run(work: BatchWork): StepResult {
    const { program, size, groupSize, temperature, given, perturbations } = work;
    const { classes } = this.#graph;
    const { copies } = program;
    if (trains(program)) this.#memory.view("gradient", this.#layout.trainableLength).fill(0);
    const copiesInAll = copies ? (size / groupSize) * copies.perGroup : 0;
    let totals = NO_LOSS;
    this.#eachPiece(program, "teacher", work, ({ loaded, first, end }) => {
      const target = {
        temperature,
        batchSize: size,
        given: given?.subarray(first * classes, end * classes),
        copies: perturbations && { weight: perturbations.weight, count: copiesInAll },
      };
      const groups = { first: first / groupSize, end: end / groupSize };
      const perturbation = copies && pieceOf(perturbations!, copies, groups, this.#imageLength);
      totals = loaded.run({ target, perturbation, totals });
    });
    const { loss, agreement } = totals.images;
    const result = { loss: loss / size, agreement: agreement / size };
    if (!copies) return result;
    const { loss: copiesLoss, agreement: copiesAgreement } = totals.copies;
    const adversary = {
      loss: copiesLoss / copiesInAll,
      agreement: copiesAgreement / copiesInAll,
    };
    return { ...result, adversary };
  }

  /** Logits `[size, classes]` of a model in the `teacher` region, in evaluation mode. */
  evaluate(model: "teacher" | "evaluated", values: Float32Array, size: number): Float32Array {
    return this.#answers({ mode: "evaluate" }, model, { values, size, groupSize: size });
  }

  /** The student's logits `[size, classes]` in training mode; nothing changes. */
  observe(images: Images): Float32Array {
    return this.#answers({ mode: "observe" }, "teacher", images);
  }

  /**
   * Logits of a model in the `student` region, in evaluation mode, and the sum over the images of
   * the gradient by the image of KL(references ‖ answer).
   */
  inspect(
    model: "teacher" | "inspected",
    values: Float32Array,
    size: number,
    references: Float32Array,
  ): { logits: Float32Array; gradient: Float32Array } {
    const { classes } = this.#graph;
    const gradient = new Float32Array(this.#imageLength);
    const perturbation = { values: gradient, ascent: gradient };
    const images = { values, size, groupSize: size };
    const logits = this.#answers({ mode: "attack" }, model, images, ({ loaded, first, end }) => {
      const given = references.subarray(first * classes, end * classes);
      const target = { temperature: 1, batchSize: 1, given, copies: undefined };
      loaded.run({ target, perturbation, totals: NO_LOSS });
    });
    return { logits, gradient };
  }

  /**
   * Leaves a batch's statistics where a model in the `student` region has its running ones. The batch
   * is one norm group, whatever memory that takes.
   */
  measure(model: "inspected", values: Float32Array, size: number): void {
    const images = { values, size, groupSize: size };
    this.#eachPiece({ mode: "measure" }, model, images, runAlone);
  }

  unload(): void {
    for (const batches of Object.values(this.#batches)) {
      for (const batch of batches.values()) batch.unload();
      batches.clear();
    }
    this.#teacherPacked = false;
  }

  /** The logits of a program that answers for each image of a batch, and for nothing else. */
  #answers(
    program: PassProgram,
    model: Model,
    images: Images,
    run: (piece: Piece) => void = runAlone,
  ): Float32Array {
    const { classes } = this.#graph;
    const logits = new Float32Array(images.size * classes);
    this.#eachPiece(program, model, images, (piece) => {
      run(piece);
      const { loaded, first } = piece;
      logits.set(this.#memory.floats(loaded.program.logits, model), first * classes);
    });
    return logits;
  }

  /** Puts the images of each micro-batch where its program reads them, and has it run. */
  #eachPiece(
    program: PassProgram,
    model: Model,
    { values, size, groupSize }: Images,
    run: (piece: Piece) => void,
  ): void {
    const length = this.#imageLength;
    const compile = (shape: BatchShape): Program => this.#program(program, shape);
    const alone = takesImagesAlone(program);
    const microBatches = cutBatch(
      compile,
      alone,
      { groupSize, groups: size / groupSize },
      {
        bytes: this.#workplace.arenaBytes,
        sizes: this.#sizes(alone),
      },
    );
    for (const { firstImage: first, program: compiled } of microBatches) {
      const end = first + compiled.groups * compiled.groupSize;
      const loaded = this.#loaded(compiled, model);
      const images = values.subarray(first * length, end * length);
      this.#memory.floats(compiled.images, model).set(images);
      run({ loaded, first, end });
    }
  }

  #sizes(alone: boolean): BatchCut["sizes"] {
    if (alone) return halvings(MOST_ALONE);
    return mostGroupsOf(this.#graph) === 1 ? fewestPieces(1) : equalPieces;
  }

  #program(passes: PassProgram, batch: BatchShape): Program {
    const options = { ...passes, batch };
    const key = keyOf(options);
    const known = this.#programs.get(key);
    if (known) return known;
    const model = { graph: this.#graph, layout: this.#layout, tiling: wasmTiling };
    const program = compileProgram({ ...model, ...options });
    this.#programs.set(key, program);
    return program;
  }

  #loaded(program: Program, model: Model): LoadedBatch {
    const known = this.#batches[model].get(program);
    if (known) return known;
    if (reserveFor(program, this.#memory, model)) this.unload();
    const loaded = new LoadedBatch(program, this.#memory, model, this.#workplace);
    if (!this.#teacherPacked) this.#teacherPacked = loaded.packOnce();
    this.#batches[model].set(program, loaded);
    return loaded;
  }

  /** H·W·C */
  get #imageLength(): number {
    const { height, width, channels } = this.#graph.inputShape;
    return height * width * channels;
  }
}

function runAlone({ loaded }: Piece): void {
  loaded.run({ target: undefined, perturbation: undefined, totals: NO_LOSS });
}

/** What norm groups from the first on and before the last perturb their copies with. */
function pieceOf(
  { values, ascent, pattern }: Perturbations,
  { perGroup, perImage }: PerturbedCopies,
  groups: { readonly first: number; readonly end: number },
  imageLength: number,
): Perturbation {
  if (!perImage) return { values, ascent, pattern };
  const from = groups.first * perGroup * imageLength;
  const end = groups.end * perGroup * imageLength;
  return { values: values.subarray(from, end), ascent: ascent.subarray(from, end), pattern };
}
