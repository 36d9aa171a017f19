import type { CompileOptions, PerturbedCopies, ProgramMode } from "../program/compile.ts";
import {
  regulariser,
  type RegulariserEnd,
  type RegulariserName,
  type RegulariserPlace,
} from "../regularisers.ts";
import type { StepRequest } from "./request.ts";

/**
 * What follows a pass once the gradients of the whole batch are there.
 *
 * - `ascend`: perturbations move along the gradient that the pass added up, which begins anew.
 * - `keep`: θ is remembered, before a regulariser leaves it.
 * - `return`: the weights are θ again.
 * - `descend`: the optimiser's step.
 * - `decay`: + λ·θ onto the gradient, for whoever asked for it.
 */
export type StepEnd = "ascend" | "keep" | "return" | "descend" | "decay" | RegulariserEnd;

/** One way of the whole batch through a program, in as many micro-batches as memory asks for. */
export interface StepPass {
  readonly mode: ProgramMode;
  readonly copies: PerturbedCopies | undefined;
  /** Whether the logits are kept: the teacher's, for the passes that follow. */
  readonly keepsAnswers: boolean;
  /** Whether perturbations are zero up to here, whatever the memory holds. */
  readonly fresh: boolean;
  readonly ends: readonly StepEnd[];
}

/**
 * The recipe: the passes of a request in order. Every machine runs these and no others; the last one is
 * what was asked for.
 *
 * | step                      | passes                             |
 * | ------------------------- | ---------------------------------- |
 * | plain, or a free adversary | `distil`                           |
 * | m ascents                 | `evaluate`, m × `attack`, `imitate` |
 * | a second pass elsewhere   | …, `imitate`, `revise`             |
 */
export function stepPasses({ mode, adversary, regularisers, finish }: StepRequest): StepPass[] {
  const copies = adversary?.copies;
  const ascents = adversary?.ascents ?? 0;
  const isFree = adversary !== undefined && ascents === 0;
  const leaving = endsOf(regularisers, "elsewhere");
  const leaves = leaving.length > 0;
  const added = endsOf(regularisers, "gradient");
  const last: StepEnd[] = [
    ...added,
    ...(isFree ? (["ascend"] as const) : []),
    ...(leaves ? (["return"] as const) : []),
    ...(finish ? [finish] : []),
    ...(finish === "descend" ? endsOf(regularisers, "weights") : []),
  ];
  const plain = { copies, keepsAnswers: false, fresh: false };
  if (ascents === 0 && !leaves) return [{ ...plain, mode, ends: last }];
  const attacks = Array.from({ length: ascents }, (_, i) => ({
    ...plain,
    mode: "attack" as const,
    fresh: copies?.perImage === true && i === 0,
    ends: ["ascend"] as const,
  }));
  const answers: StepPass = {
    ...plain,
    mode: "evaluate",
    copies: undefined,
    keepsAnswers: true,
    ends: [],
  };
  if (!leaves) return [answers, ...attacks, { ...plain, mode: "imitate", ends: last }];
  return [
    answers,
    ...attacks,
    { ...plain, mode: "imitate", ends: [...added, "keep", ...leaving] },
    { ...plain, mode: "revise", ends: last },
  ];
}

function endsOf(names: readonly RegulariserName[], place: RegulariserPlace): RegulariserEnd[] {
  return names.flatMap((name) => regulariser(name).ends[place] ?? []);
}

/** What of a pass decides which program it runs. */
export type PassProgram = Pick<CompileOptions, "mode" | "copies" | "ascends">;

export function programOf({ mode, copies, ends }: StepPass): PassProgram {
  return { mode, copies, ascends: ends.includes("ascend") };
}

/** Whether a pass gives the gradient by the weights. */
export function trains({ mode }: PassProgram): boolean {
  return mode === "distil" || mode === "imitate" || mode === "revise" || mode === "supervise";
}

/** Whether a pass takes each image by itself, so that it may be cut anywhere. */
export function takesImagesAlone({ mode, copies }: PassProgram): boolean {
  return mode === "evaluate" || (mode === "attack" && !copies);
}
