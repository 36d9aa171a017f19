import type { Scores } from "../../protocol/round/judging.ts";
import type { PerturbedAnswers, Session } from "../engine/engine.ts";
import { EngineError } from "../engine/engine-error.ts";
import { ascend } from "../engine/host-ascent.ts";
import { batchRanges, largest, logSoftmax, type HeldOutImages } from "./held-out-images.ts";
import { plainBatch } from "./normalise.ts";

/** A search for the worst universal perturbation within an L2 ball (SPEC J2). */
export interface PerturbationSearch {
  /** Root mean square over the values of an image, normalised units. */
  readonly radius: number;
  readonly ascents: number;
}

/** Where the first search starts. */
export interface SearchStart {
  /** `[H, W, C]`, within the first radius. */
  readonly perturbation: Float32Array;
  /**
   * Drawn, not found: the first step is tried both ways. Near zero the divergence is the same for δ
   * and −δ, so a draw would decide between the way to another answer and the way to more certainty.
   */
  readonly isFresh: boolean;
}

export interface ScoreHooks {
  /** Checked before every batch; its reason is thrown. */
  readonly signal?: AbortSignal;
  /** Awaited before every batch: a host pauses scoring by not resolving it. */
  readonly beforeBatch?: () => Promise<void> | void;
  /** Told after every pass over the held-out images, of how many at most. */
  readonly onPass?: (done: number, total: number) => void;
}

export interface StudentScores {
  readonly scores: Scores;
  /** `[H, W, C]`: the worst perturbation found at the last radius; the start where none was sought. */
  readonly perturbation: Float32Array;
}

/** An ascent step as a share of its radius: four lead to the edge, the others along it. */
const STEP = 0.25;

/** Length of an ascent step at a radius given as root mean square. */
export function searchStepLength(radius: number, values: number): number {
  return STEP * radius * Math.sqrt(values);
}

/**
 * Scores the session's student on held-out images, in evaluation mode and without augmentation
 * (SPEC J2): its divergence from the teacher, its agreement with the teacher, and what the worst
 * universal perturbation found within each radius leaves of that agreement. No label is seen.
 *
 * Each search ascends Σ KL(teacher(x) ‖ student(x + δ)) by δ with normalised gradient steps from
 * the worst δ of the search before, and keeps the δ of the largest sum on its way (universal
 * adversarial perturbations: Moosavi-Dezfooli et al. 2017; by gradient: Shafahi et al. 2020).
 *
 * @param searches of growing radius
 * @throws EngineError from the session, and `device-failed` when the student's answers are not
 *   finite; the signal's reason when it aborts.
 *
 * @example
 * const searches = [{ radius: 0.072, ascents: 12 }, { radius: 0.145, ascents: 12 }];
 * const start = { perturbation: drawPerturbation(heldOut.values, ball, random), isFresh: true };
 * const { scores } = await scoreStudent(session, heldOut, searches, start);
 */
export async function scoreStudent(
  session: Session,
  heldOut: HeldOutImages,
  searches: readonly PerturbationSearch[],
  start: SearchStart,
  hooks: ScoreHooks = {},
): Promise<StudentScores> {
  const { values } = heldOut;
  const images = heldOut.indices.length;
  const ascentsInAll = searches.reduce((sum, { ascents }) => sum + ascents, 0);
  let triesBothWays = start.isFresh && ascentsInAll > 0;
  const total = 1 + (searches.length === 0 ? 0 : 1 + ascentsInAll + (triesBothWays ? 1 : 0));
  let done = 0;
  const pass = async (delta?: Float32Array): Promise<Answers> => {
    // Nothing ascends after the last one.
    const isLast = done + 1 === total;
    const answers = await answersTo(session, heldOut, hooks, delta, !isLast);
    hooks.onPass?.(++done, total);
    return answers;
  };

  const clean = await pass();
  const perturbed: Scores["perturbed"] = [];
  let worst = start.perturbation;
  let found: Answers | undefined;
  for (const { radius, ascents } of searches) {
    const ball = {
      norm: "l2" as const,
      radius: radius * Math.sqrt(values),
      stepLength: searchStepLength(radius, values),
    };
    let delta = worst.slice();
    found ??= await pass(delta);
    let last = found;
    for (let i = 0; i < ascents; i++) {
      ascend(delta, last.gradient, values, ball);
      last = await pass(delta);
      if (triesBothWays) {
        triesBothWays = false;
        const opposite = delta.map((value) => -value);
        const other = await pass(opposite);
        if (other.divergence > last.divergence) [delta, last] = [opposite, other];
      }
      if (last.divergence <= found.divergence) continue;
      found = last;
      worst = delta.slice();
    }
    perturbed.push({ radius, agreement: found.agreed / images, flips: found.flips });
  }
  const { agreed, divergence } = clean;
  const loss = divergence / images;
  return {
    scores: { images, loss, agreement: agreed / images, perturbed },
    perturbation: worst,
  };
}

/** The student's answers to all held-out images, with or without a perturbation. */
interface Answers {
  /** Σ KL(teacher ‖ student), nats. */
  readonly divergence: number;
  /** Images with the teacher's clean answer. */
  readonly agreed: number;
  /** The others by the student's answer, `[classes]`. */
  readonly flips: number[];
  /** `[H, W, C]`: of the divergence by the perturbation; zero where it was not asked for. */
  readonly gradient: Float32Array;
}

async function answersTo(
  session: Session,
  {
    images,
    indices,
    normalisation,
    batchSize,
    classes,
    references,
    answers,
    values,
  }: HeldOutImages,
  { beforeBatch, signal }: ScoreHooks,
  perturbation: Float32Array | undefined,
  wantsGradient: boolean,
): Promise<Answers> {
  const gradient = new Float64Array(values);
  const flips = Array.from({ length: classes }, () => 0);
  let divergence = 0;
  let agreed = 0;
  for (const { first, end } of batchRanges({ indices, batchSize })) {
    await beforeBatch?.();
    signal?.throwIfAborted();
    const batch = plainBatch(images, [...indices.subarray(first, end)], normalisation);
    const wanted = references.subarray(first * classes, end * classes);
    const found: PerturbedAnswers =
      perturbation === undefined
        ? { logits: await session.logits("student", batch) }
        : await session.perturbedLogits(
            "student",
            batch,
            perturbation,
            wantsGradient ? wanted : undefined,
          );
    found.gradient?.forEach((value, i) => (gradient[i]! += value));
    for (let row = 0; row < end - first; row++) {
      const logits = found.logits.subarray(row * classes, (row + 1) * classes);
      const answer = largest(logits);
      if (answer === answers[first + row]) agreed++;
      else flips[answer]!++;
      divergence += divergenceOf(wanted.subarray(row * classes, (row + 1) * classes), logits);
    }
  }
  if (!Number.isFinite(divergence)) {
    throw new EngineError(
      "device-failed",
      "the student's answers to held-out images are not finite; try another device, and tell the organisers if that changes nothing",
    );
  }
  return { divergence, agreed, flips, gradient: Float32Array.from(gradient) };
}

/** KL(reference ‖ softmax(logits)); 0·log 0 = 0. Rounded references could take it below 0. */
function divergenceOf(reference: Float32Array, logits: Float32Array): number {
  const log = logSoftmax(logits);
  let sum = 0;
  for (const [k, share] of reference.entries()) {
    if (share > 0) sum += share * (Math.log(share) - log[k]!);
  }
  return Math.max(0, sum);
}
