import {
  ADAM_EPSILON,
  adamFactors,
  OPTIMIZER_VECTORS,
  type Optimizer,
  type OptimizerSettings,
} from "../optimizer.ts";
import { ADAM_SETTINGS, SGD_SETTINGS, writeAdam, writeDescent } from "./code/flat-code.ts";
import { floatBytes } from "./threads/heap.ts";
import type { Workplace } from "./loaded-batch.ts";
import { flatTasks } from "./plan/plan-filter-gradient.ts";
import type { Call } from "./plan/stage.ts";
import type { SessionMemory } from "./session-memory.ts";
import type { LoadedProgram } from "./threads/team.ts";

/** The optimiser: one flat pass over the trainable values. What it keeps is the piece `velocity`. */
export class Descent {
  readonly #memory: SessionMemory;
  readonly #workplace: Workplace;
  readonly #optimizer: Optimizer;
  readonly #length: number;
  readonly #loaded: LoadedProgram;
  /** Steps since what it keeps was zero. */
  #steps = 0;

  constructor(
    memory: SessionMemory,
    workplace: Workplace,
    optimizer: Optimizer,
    trainableLength: number,
  ) {
    this.#memory = memory;
    this.#workplace = workplace;
    this.#optimizer = optimizer;
    this.#length = trainableLength;
    memory.reserve("velocity", this.#kept);
    memory.reserve("settings", Math.max(SGD_SETTINGS, ADAM_SETTINGS));
    const stage = flatTasks(trainableLength, (first, vectors, lanes) =>
      this.#call(first, vectors, lanes),
    );
    this.#loaded = workplace.team.load([stage], 0);
  }

  /** From rest. */
  restart(): void {
    this.#memory.view("velocity", this.#kept).fill(0);
    this.#steps = 0;
  }

  /** Moves the weights by the gradient. */
  run(settings: OptimizerSettings): void {
    const values = this.#settingsOf(settings);
    this.#memory.view("settings", values.length).set(values);
    this.#workplace.team.run(this.#loaded, (runStages) => runStages(1));
    this.#steps++;
  }

  unload(): void {
    this.#workplace.team.unload(this.#loaded);
  }

  /** Floats that are kept from step to step. */
  get #kept(): number {
    return OPTIMIZER_VECTORS[this.#optimizer] * this.#length;
  }

  #call(first: number, vectors: number, lanes: number): Call {
    const { library } = this.#workplace;
    const at = (piece: "student" | "gradient" | "velocity", skipped = 0): number =>
      this.#memory.addressOf(piece) + floatBytes(skipped + first);
    const settings = this.#memory.addressOf("settings");
    const common = [settings, at("student"), at("gradient"), at("velocity")];
    switch (this.#optimizer) {
      case "sgd":
        return [library.code("descent", lanes, 6, writeDescent), ...common, vectors];
      case "adamw":
        return [
          library.code("adamw", lanes, 7, writeAdam),
          ...common,
          at("velocity", this.#length),
          vectors,
        ];
      default:
        return this.#optimizer satisfies never;
    }
  }

  #settingsOf(settings: OptimizerSettings): readonly number[] {
    const { learningRate, momentum, weightDecay } = settings;
    switch (this.#optimizer) {
      case "sgd":
        return [-learningRate, momentum, weightDecay];
      case "adamw": {
        const { rate, rootScale, keeps, secondMomentum } = adamFactors(settings, this.#steps + 1);
        const second = [secondMomentum, 1 - secondMomentum];
        return [-rate, momentum, 1 - momentum, ...second, keeps, rootScale, ADAM_EPSILON];
      }
      default:
        return this.#optimizer satisfies never;
    }
  }
}
