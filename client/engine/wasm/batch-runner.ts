import type { Graph } from "../../../protocol/model/graph.ts";
import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import type { StepResult } from "../engine.ts";
import type { CompileOptions, PerturbedCopies, ProgramMode } from "../program/compile.ts";
import type { Perturbation } from "./plan/copy-kernels.ts";
import {
  compileBatch,
  imagesAtOnce,
  LoadedBatch,
  reserveFor,
  type Workplace,
} from "./loaded-batch.ts";
import { NO_LOSS } from "./plan/loss-kernel.ts";
import type { Model, SessionMemory } from "./session-memory.ts";

/** A batch for the student in training mode, or for an ascent. */
export interface BatchWork {
  readonly mode: Exclude<ProgramMode, "evaluate">;
  /** `[size, H, W, C]` */
  readonly values: Float32Array;
  readonly size: number;
  /** Divides the size. */
  readonly groupSize: number;
  /** What the student is to answer; undefined where nothing is compared. */
  readonly aim: Aim | undefined;
  readonly copies?: CopiesWork | undefined;
  /** Of `revise`: whether it adds up the gradient that the copies' perturbation ascends along. */
  readonly ascends?: boolean;
}

interface Aim {
  readonly temperature: number;
  /** `[size, classes]`, as the mode wants; undefined: what the teacher answers. */
  readonly given: Float32Array | undefined;
}

export interface CopiesWork extends PerturbedCopies, Perturbation {
  /** Of the copies' mean loss. */
  readonly weight: number;
}

type Passes = Pick<CompileOptions, "mode" | "copies" | "ascends">;

/** The programs of a session, loaded for batches of any shape, and what runs batches by them. */
export class BatchRunner {
  readonly #graph: Graph;
  readonly #layout: StateLayout;
  readonly #memory: SessionMemory;
  readonly #workplace: Workplace;
  readonly #batches = new Map<string, LoadedBatch>();
  /** Of a mode that takes each image by itself. */
  readonly #imagesAtOnce = new Map<ProgramMode, number>();
  /** Whether the teacher's packed weights are in memory. */
  #teacherPacked = false;

  constructor(graph: Graph, layout: StateLayout, memory: SessionMemory, workplace: Workplace) {
    this.#graph = graph;
    this.#layout = layout;
    this.#memory = memory;
    this.#workplace = workplace;
  }

  /** Runs all micro-batches of a batch; `onLogits` is told each one's, and its first image. */
  run(
    { mode, values, size, groupSize, aim, copies, ascends }: BatchWork,
    onLogits: (logits: Float32Array, firstImage: number) => void = () => {},
  ): StepResult {
    const perImage = values.length / size;
    const { classes } = this.#graph;
    const loaded = this.#loaded({ mode, copies, ascends }, size, groupSize, "teacher");
    const { groups, images, logits } = loaded.program;
    const copiesInAll = copies ? (size / groupSize) * copies.perGroup : 0;
    let totals = NO_LOSS;
    for (let first = 0; first < size; first += groups * groupSize) {
      const end = first + groups * groupSize;
      this.#memory.floats(images, "teacher").set(values.subarray(first * perImage, end * perImage));
      const target = aim && {
        temperature: aim.temperature,
        batchSize: size,
        given: aim.given?.subarray(first * classes, end * classes),
        copies: copies && { weight: copies.weight, count: copiesInAll },
      };
      const perturbation = copies && pieceOf(copies, perImage, first / groupSize, groups);
      totals = loaded.run({ target, perturbation, totals });
      onLogits(this.#memory.floats(logits, "teacher"), first);
    }
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
    return this.#eachBy("evaluate", model, values, size, (loaded) => {
      loaded.run({ target: undefined, perturbation: undefined, totals: NO_LOSS });
    });
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
    const gradient = new Float32Array(values.length / size);
    const perturbation = { values: gradient, ascent: gradient };
    const logits = this.#eachBy("attack", model, values, size, (loaded, first, end) => {
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
    const loaded = this.#loaded({ mode: "measure" }, size, size, model);
    this.#memory.floats(loaded.program.images, model).set(values);
    loaded.run({ target: undefined, perturbation: undefined, totals: NO_LOSS });
  }

  unload(): void {
    for (const batch of this.#batches.values()) batch.unload();
    this.#batches.clear();
    this.#teacherPacked = false;
  }

  /** Runs a mode that takes each image by itself over all images; returns the logits. */
  #eachBy(
    mode: "evaluate" | "attack",
    model: Model,
    values: Float32Array,
    size: number,
    run: (loaded: LoadedBatch, first: number, end: number) => void,
  ): Float32Array {
    const { classes } = this.#graph;
    const perImage = values.length / size;
    const logits = new Float32Array(size * classes);
    const atOnce = this.#atOnce(mode);
    for (let first = 0; first < size; first += atOnce) {
      const end = Math.min(first + atOnce, size);
      const loaded = this.#loaded({ mode }, end - first, end - first, model);
      const images = values.subarray(first * perImage, end * perImage);
      this.#memory.floats(loaded.program.images, model).set(images);
      run(loaded, first, end);
      logits.set(this.#memory.floats(loaded.program.logits, model), first * classes);
    }
    return logits;
  }

  #atOnce(mode: "evaluate" | "attack"): number {
    const known = this.#imagesAtOnce.get(mode);
    if (known !== undefined) return known;
    const compilation = { graph: this.#graph, layout: this.#layout, mode };
    const images = imagesAtOnce(compilation, this.#workplace.arenaBytes);
    this.#imagesAtOnce.set(mode, images);
    return images;
  }

  #loaded(passes: Passes, size: number, groupSize: number, model: Model): LoadedBatch {
    const { mode, copies, ascends } = passes;
    const ofCopies = [
      copies?.perGroup,
      copies?.perImage,
      copies?.warpGrid,
      copies?.patterned,
      ascends,
    ];
    const key = [mode, size, model, ...ofCopies].join();
    const known = this.#batches.get(key);
    if (known) return known;
    const compilation = { graph: this.#graph, layout: this.#layout, ...passes };
    const shape = { groupSize, groups: size / groupSize };
    const program = compileBatch(compilation, shape, this.#workplace.arenaBytes);
    if (reserveFor(program, this.#memory, model)) this.unload();
    const loaded = new LoadedBatch(program, this.#memory, model, this.#workplace);
    if (!this.#teacherPacked) this.#teacherPacked = loaded.packOnce();
    this.#batches.set(key, loaded);
    return loaded;
  }
}

/** What a micro-batch from `firstGroup` on perturbs its copies with. */
function pieceOf(
  { values, ascent, pattern, perGroup, perImage }: CopiesWork,
  imageLength: number,
  firstGroup: number,
  groups: number,
): Perturbation {
  if (!perImage) return { values, ascent, pattern };
  const from = firstGroup * perGroup * imageLength;
  const end = from + groups * perGroup * imageLength;
  return { values: values.subarray(from, end), ascent: ascent.subarray(from, end), pattern };
}
