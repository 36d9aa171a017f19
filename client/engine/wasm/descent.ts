import type { SupervisedSettings } from "../engine.ts";
import { SGD_SETTINGS, writeDescent } from "./code/flat-code.ts";
import { floatBytes } from "./threads/heap.ts";
import type { Workplace } from "./loaded-batch.ts";
import { flatTasks } from "./plan/plan-filter-gradient.ts";
import type { SessionMemory } from "./session-memory.ts";
import type { LoadedProgram } from "./threads/team.ts";

/** The optimiser: one flat pass over the trainable values. */
export class Descent {
  readonly #memory: SessionMemory;
  readonly #workplace: Workplace;
  readonly #loaded: LoadedProgram;

  constructor(memory: SessionMemory, workplace: Workplace, trainableLength: number) {
    this.#memory = memory;
    this.#workplace = workplace;
    memory.reserve("settings", SGD_SETTINGS);
    const pieces = ["student", "gradient", "velocity"] as const;
    const stage = flatTasks(trainableLength, (first, vectors, lanes) => [
      workplace.library.code("descent", lanes, 6, writeDescent),
      memory.addressOf("settings"),
      ...pieces.map((piece) => memory.addressOf(piece) + floatBytes(first)),
      vectors,
    ]);
    this.#loaded = workplace.team.load([stage], 0);
  }

  /** v ← μ·v + g + λ·θ, θ ← θ − η·v */
  run({ learningRate, momentum, weightDecay }: SupervisedSettings): void {
    const settings = [-learningRate, momentum, weightDecay];
    this.#memory.view("settings", SGD_SETTINGS).set(settings);
    this.#workplace.team.run(this.#loaded, (runStages) => runStages(1));
  }

  unload(): void {
    this.#workplace.team.unload(this.#loaded);
  }
}
