import type { PerturbedAnswers, Session } from "../engine/engine.ts";
import { EngineError } from "../engine/engine-error.ts";
import { ascend } from "../engine/host/host-ascent.ts";
import {
  batchRanges,
  largest,
  logSoftmax,
  type AnsweredImages,
  type ScoreHooks,
} from "./teacher-answers.ts";
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

/** An ascent step as a share of its radius: four lead to the edge, the others along it. */
const STEP = 0.25;

/** Length of an ascent step at a radius given as root mean square. */
export function searchStepLength(radius: number, values: number): number {
  return STEP * radius * Math.sqrt(values);
}

/** Passes over the images that searches take, one after the other. */
export function searchPasses(searches: readonly PerturbationSearch[], isFresh: boolean): number {
  const ascents = searches.reduce((sum, one) => sum + one.ascents, 0);
  if (searches.length === 0) return 0;
  return 1 + ascents + (isFresh && ascents > 0 ? 1 : 0);
}

/** What a search found within its radius. */
export interface FoundPerturbation {
  readonly radius: number;
  /** `[H, W, C]` */
  readonly perturbation: Float32Array;
  readonly answers: Answers;
}

/**
 * Searches one ball after another. Each search ascends Σ KL(teacher(x) ‖ model(x + δ)) by δ with
 * normalised gradient steps from the worst δ of the search before, and keeps the δ of the largest sum
 * on its way (universal adversarial perturbations: Moosavi-Dezfooli et al. 2017; by gradient: Shafahi
 * et al. 2020).
 *
 * @param searches of growing radius
 * @param pass the model's answers to all images with δ, and their gradient
 */
export async function searchWorst(
  values: number,
  searches: readonly PerturbationSearch[],
  start: SearchStart,
  pass: (delta: Float32Array) => Promise<Answers>,
): Promise<FoundPerturbation[]> {
  const found: FoundPerturbation[] = [];
  let triesBothWays = start.isFresh;
  let worst = start.perturbation;
  let of: Answers | undefined;
  for (const { radius, ascents } of searches) {
    const ball = {
      norm: "l2" as const,
      radius: radius * Math.sqrt(values),
      stepLength: searchStepLength(radius, values),
    };
    let delta = worst.slice();
    of ??= await pass(delta);
    let last = of;
    for (let i = 0; i < ascents; i++) {
      ascend(delta, last.gradient, values, ball);
      last = await pass(delta);
      if (triesBothWays) {
        triesBothWays = false;
        const opposite = delta.map((value) => -value);
        const other = await pass(opposite);
        if (other.divergence > last.divergence) [delta, last] = [opposite, other];
      }
      if (last.divergence <= of.divergence) continue;
      of = last;
      worst = delta.slice();
    }
    found.push({ radius, perturbation: worst, answers: of });
  }
  return found;
}

/** A model's answers to all of some images, with or without a perturbation. */
export interface Answers {
  /** Σ KL(teacher's clean answer ‖ model's), nats. */
  readonly divergence: number;
  /** Images with the teacher's clean answer. */
  readonly agreed: number;
  /** The others by the model's answer, `[classes]`. */
  readonly flips: number[];
  /** `[n]`: the model's. */
  readonly classes: Uint32Array;
  /** Of the divergence by the perturbation, as long as it is; zero where it was not asked for. */
  readonly gradient: Float32Array;
}

/**
 * @param wantsGradient only with a perturbation
 * @throws EngineError from the session, and as `tallyAnswers` when the answers are not finite; the
 *   signal's reason when it aborts.
 */
export async function answersTo(
  session: Session,
  which: "teacher" | "student",
  seen: AnsweredImages,
  { beforeBatch, signal }: ScoreHooks,
  perturbation: Float32Array | undefined,
  wantsGradient: boolean,
): Promise<Answers> {
  const { images, indices, normalisation, batchSize, classes, references } = seen;
  const gradient = new Float64Array(seen.values);
  const logits = new Float32Array(indices.length * classes);
  for (const { first, end } of batchRanges({ indices, batchSize })) {
    await beforeBatch?.();
    signal?.throwIfAborted();
    const batch = await plainBatch(images, [...indices.subarray(first, end)], normalisation);
    const wanted = references.subarray(first * classes, end * classes);
    const found: PerturbedAnswers =
      perturbation === undefined
        ? { logits: await session.logits(which, batch) }
        : await session.perturbedLogits(
            which,
            batch,
            perturbation,
            wantsGradient ? wanted : undefined,
          );
    found.gradient?.forEach((value, i) => (gradient[i]! += value));
    logits.set(found.logits, first * classes);
  }
  return { ...tallyAnswers(which, seen, logits), gradient: Float32Array.from(gradient) };
}

/**
 * What a model's answers come to beside the teacher's clean ones.
 *
 * @param logits `[n, classes]`
 * @throws EngineError when they are not finite: `not-finite` for the student's, `device-failed` for the
 *   teacher's, which were finite before.
 */
export function tallyAnswers(
  which: "teacher" | "student",
  { answers, classes, references }: AnsweredImages,
  logits: Float32Array,
): Omit<Answers, "gradient"> {
  const flips = Array.from({ length: classes }, () => 0);
  const given = new Uint32Array(answers.length);
  let divergence = 0;
  let agreed = 0;
  for (let row = 0; row < answers.length; row++) {
    const [from, to] = [row * classes, (row + 1) * classes];
    const answer = largest(logits.subarray(from, to));
    given[row] = answer;
    if (answer === answers[row]) agreed++;
    else flips[answer]!++;
    divergence += divergenceOf(references.subarray(from, to), logits.subarray(from, to));
  }
  if (!Number.isFinite(divergence)) {
    const advice =
      which === "teacher"
        ? "; try another device, and tell the organisers if that changes nothing"
        : ", though the teacher's are: tell the organisers, since an update may have damaged the student, and try another device in case it is this one";
    throw new EngineError(
      which === "teacher" ? "device-failed" : "not-finite",
      `the ${which}'s answers to ${answers.length} images are not finite${advice}`,
    );
  }
  return { divergence, agreed, flips, classes: given };
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
