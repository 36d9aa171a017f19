import type { GradientSettings, StepResult } from "../engine.ts";
import type { Adversary } from "./adversary.ts";
import type { BatchRunner, BatchWork } from "./batch-runner.ts";
import type { HeadShift } from "./head-shift.ts";
import type { SessionMemory } from "./session-memory.ts";
import { SteeperWeights } from "./steeper-weights.ts";

interface Parts {
  readonly adversary: Adversary;
  readonly head: HeadShift;
  readonly runner: BatchRunner;
}

/** The passes of a distillation step, in order. */
export class Distillation {
  readonly #memory: SessionMemory;
  readonly #trainableLength: number;
  readonly #parts: Parts;
  readonly #steeper: SteeperWeights;

  constructor(memory: SessionMemory, trainableLength: number, parts: Parts) {
    this.#memory = memory;
    this.#trainableLength = trainableLength;
    this.#parts = parts;
    this.#steeper = new SteeperWeights(memory, trainableLength);
  }

  /**
   * Leaves the gradient of the loss in memory, running statistics advanced and perturbations
   * ascended.
   *
   * @param settings that were checked
   */
  differentiate(
    images: Pick<BatchWork, "values" | "size" | "groupSize">,
    { temperature, adversary, headShift, sharpness }: Omit<GradientSettings, "weightDecay">,
  ): StepResult {
    const { adversary: perturbations, head, runner } = this.#parts;
    const copies = adversary && perturbations.copiesOf(adversary, images);
    const ascents = adversary?.ascents ?? 0;
    const isFree = adversary !== undefined && ascents === 0;
    const given =
      ascents > 0 || sharpness ? runner.evaluate("teacher", images.values, images.size) : undefined;
    this.#clearGradient();
    for (let i = 0; i < ascents; i++) {
      runner.run({ ...images, mode: "attack", aim: { temperature: 1, given }, copies });
      perturbations.ascend(copies!, adversary!);
    }
    const aim = { temperature, given };
    const result = runner.run({ ...images, mode: given ? "imitate" : "distil", aim, copies });
    if (headShift) head.addGradient(headShift);
    if (sharpness) {
      this.#steeper.climb(sharpness);
      try {
        this.#clearGradient();
        runner.run({ ...images, mode: "revise", aim, copies, ascends: isFree });
      } finally {
        this.#steeper.return();
      }
      if (headShift) head.addGradient(headShift);
    }
    if (isFree) perturbations.ascend(copies!, adversary);
    return result;
  }

  #clearGradient(): void {
    this.#memory.view("gradient", this.#trainableLength).fill(0);
  }
}
