import type { DistillationCase } from "./distillation-case.ts";

export interface ContestantOptions {
  readonly problem: DistillationCase;
  readonly threads: number;
}

/** Something that takes the steps of a case, one after another from the first. */
export interface Contestant {
  /** The device as it names it; undefined where it does not. */
  readonly adapter: string | undefined;
  /** Begins the next step; may resolve before the step is done. */
  step(index: number): Promise<void>;
  /** Waits for every step begun; their losses since this was last asked, in order. */
  losses(): Promise<readonly number[]>;
  /** Where the engine can tell: what the convolutions of a step take. */
  readonly convolutions?: (() => Promise<ConvolutionRates>) | undefined;
}

/** GFLOP/s of all of a step's convolutions of a kind. */
export interface ConvolutionRates {
  readonly forward: number;
  readonly inputGradient: number;
  readonly filterGradient: number;
  readonly all: number;
  /** Of the whole step's time. */
  readonly shareOfTime: number;
}

export type OpenContestant = (options: ContestantOptions) => Promise<Contestant>;
