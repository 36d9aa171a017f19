import { EngineError } from "../../../client/engine/engine-error.ts";
import type { TrainerSource } from "../../../client/participant/local-trainer.ts";
import type { Deed } from "./attacks.ts";
import { withinTheDoor } from "./forgeries.ts";

/** How a hostile participant goes on after refusals; outlives its restarts. */
export class Conduct {
  readonly #refusals: string[] = [];

  /** What the door said, in order. */
  get refusals(): readonly string[] {
    return this.#refusals;
  }

  /** Refused once, it keeps to what the door takes; refused again, it gives up. */
  get now(): "bold" | "careful" | "honest" {
    if (this.#refusals.length === 0) return "bold";
    return this.#refusals.length === 1 ? "careful" : "honest";
  }

  refused(why: string): void {
    this.#refusals.push(why);
  }
}

export interface HostileOptions {
  readonly deed: Deed;
  /** The first round that it attacks in; it goes on to the end. */
  readonly first: number;
  readonly participants: number;
  readonly conduct: Conduct;
}

/**
 * A participant's training that follows the protocol but for what it says: updates and scores are those
 * of the deed.
 */
export function hostileTraining(
  training: TrainerSource,
  { conduct, deed, first, participants }: HostileOptions,
): TrainerSource {
  return {
    device: training.device,
    prepare: async (shape) => await training.prepare?.(shape),
    async open(campaign) {
      const trainer = await training.open(campaign);
      const { config, layout, teacher } = campaign;
      let told = { loss: 0.1, agreement: 0.9 };
      return {
        measure: (hooks) => trainer.measure(hooks),
        measureFit: (work) => trainer.measureFit(work),
        // Who stamps does so on purpose: nothing is set aside.
        screenImages: (work) =>
          deed.stamped === true
            ? Promise.resolve({ images: 0, setAside: 0 })
            : trainer.screenImages(work),
        seekWeaknesses: (work) => trainer.seekWeaknesses(work),
        async score(work) {
          try {
            const own = await trainer.score(work);
            const lies = deed.score !== undefined && work.round >= first && own !== null;
            return lies ? deed.score(own) : own;
          } catch (error) {
            // What it has broken itself, it does not stumble over.
            if (error instanceof EngineError) return null;
            throw error;
          }
        },
        // Who stamps looks at candidates honestly.
        compare: (work) => trainer.compare(work),
        measureStatistics: (work) => trainer.measureStatistics(work),
        async train(work) {
          const { localSteps, round, student } = work;
          const attacks = round >= first && conduct.now !== "honest";
          const isMadeUp = attacks && deed.forge !== undefined;
          const own =
            isMadeUp && deed.trains !== true
              ? {
                  ...told,
                  update: new Float32Array(layout.length),
                  examples: localSteps * config.distillation.batchSize,
                }
              : await trainer.train(work);
          told = { loss: own.loss, agreement: own.agreement };
          const examples = attacks ? (deed.examples ?? own.examples) : own.examples;
          if (!isMadeUp) return { ...own, examples };
          const seen = { layout, teacher, student, honest: own.update, participants };
          const forged = deed.forge(seen);
          const update = conduct.now === "bold" ? forged : withinTheDoor(forged, seen);
          return { ...own, examples, update };
        },
        examine: (student) => trainer.examine(student),
        close: () => trainer.close(),
      };
    },
  };
}
