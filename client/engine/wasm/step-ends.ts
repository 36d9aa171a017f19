import type { LayoutEntry, StateLayout } from "../../../protocol/model/state-layout.ts";
import type { SessionOptions, StepSettings } from "../engine.ts";
import { headEntries } from "../program/head-entries.ts";
import type { StepEnd } from "../step/passes.ts";
import type { Adversary, Perturbations } from "./adversary.ts";
import type { Descent } from "./descent.ts";
import { REGULARISER_ENDS } from "./regularisers.ts";
import type { SessionMemory } from "./session-memory.ts";

/** What a step's ends need to know of it. */
export interface EndedStep {
  readonly settings: StepSettings;
  /** Where it has an adversary. */
  readonly perturbations: Perturbations | undefined;
}

/** What follows the passes of a step: the whole batch's gradients are in memory. */
export class StepEnds {
  readonly #memory: SessionMemory;
  readonly #layout: StateLayout;
  readonly #heads: readonly LayoutEntry[];
  /** Its whole state vector. */
  readonly #teacher: Float32Array;
  readonly #adversary: Adversary;
  readonly #descent: Descent;
  /** θ when it was left last; made by the first step that leaves it. */
  #kept: Float32Array | undefined;
  #isElsewhere = false;

  constructor(
    memory: SessionMemory,
    { graph, layout, teacher }: Pick<SessionOptions, "graph" | "layout" | "teacher">,
    adversary: Adversary,
    descent: Descent,
  ) {
    this.#memory = memory;
    this.#layout = layout;
    this.#heads = headEntries(graph, layout);
    this.#teacher = teacher;
    this.#adversary = adversary;
    this.#descent = descent;
  }

  run(end: StepEnd, { settings, perturbations }: EndedStep): void {
    const { student, gradient } = this;
    switch (end) {
      case "ascend":
        this.#adversary.ascend(perturbations!, settings.adversary!);
        return;
      case "keep":
        this.#kept ??= new Float32Array(student.length);
        this.#kept.set(student);
        this.#isElsewhere = true;
        return;
      case "return":
        this.bringBack();
        return;
      case "descend":
        this.#descent.run(settings);
        return;
      case "decay": {
        const { weightDecay } = settings;
        student.forEach((value, i) => (gradient[i]! += weightDecay * value));
        return;
      }
      default: {
        const weights = { student, gradient, teacher: this.#teacher, heads: this.#heads };
        REGULARISER_ENDS[end](weights, settings);
      }
    }
  }

  /** Puts θ back, if the student is elsewhere. */
  bringBack(): void {
    if (this.#isElsewhere) this.student.set(this.#kept!);
    this.#isElsewhere = false;
  }

  /** θ, the trainable values, until anything is reserved. */
  get student(): Float32Array {
    return this.#memory.view("student", this.#layout.trainableLength);
  }

  /** The gradient by θ, likewise. */
  get gradient(): Float32Array {
    return this.#memory.view("gradient", this.#layout.trainableLength);
  }
}
