import type { Scores } from "../../protocol/round/judging.ts";
import type { Session } from "../engine/engine.ts";
import { meanDivergence } from "./mean-divergence.ts";
import type { WayToClass } from "./targeted-search.ts";
import {
  answersTo,
  searchPasses,
  searchWorst,
  type Answers,
  type PerturbationSearch,
  type SearchStart,
} from "./worst-perturbation.ts";
import type { AnsweredImages, ScoreHooks } from "./teacher-answers.ts";

/** Where one universal perturbation misleads the teacher: to one class. */
interface TeacherMistakes extends Pick<WayToClass, "class" | "perturbation" | "led"> {
  /** Share of images that one of the smallest radius leads there. */
  readonly reach: number;
}

/** What students are scored with. */
export interface ScoringImages {
  readonly heldOut: AnsweredImages;
  readonly mistakes: TeacherMistakes;
}

export interface StudentScores {
  readonly scores: Scores;
  /** `[H, W, C]`: the worst perturbation found at the last radius; the start where none was sought. */
  readonly perturbation: Float32Array;
}

/**
 * Scores the session's student on held-out images, in evaluation mode and without augmentation
 * (SPEC J2): its divergence from the teacher, its agreement with the teacher, how many of the
 * teacher's mistakes under perturbation it makes too, and what the worst universal perturbation of
 * its own found within each radius leaves of the agreement. No label is seen.
 *
 * @param searches of growing radius
 * @throws EngineError from the session, and `not-finite` when the student's answers are not
 *   finite; the signal's reason when it aborts.
 *
 * @example
 * const searches = [{ radius: 0.072, ascents: 12 }, { radius: 0.145, ascents: 12 }];
 * const start = { perturbation: drawPerturbation(heldOut.values, ball, random), isFresh: true };
 * const { scores } = await scoreStudent(session, { heldOut, mistakes }, searches, start);
 */
export async function scoreStudent(
  session: Session,
  { heldOut, mistakes }: ScoringImages,
  searches: readonly PerturbationSearch[],
  start: SearchStart,
  hooks: ScoreHooks = {},
): Promise<StudentScores> {
  const images = heldOut.indices.length;
  const total = 2 + searchPasses(searches, start.isFresh);
  let done = 0;
  const pass = async (delta: Float32Array | undefined, ascends: boolean): Promise<Answers> => {
    // Nothing ascends after the last one.
    const wantsGradient = ascends && done + 1 < total;
    const answers = await answersTo(session, "student", heldOut, hooks, delta, wantsGradient);
    hooks.onPass?.(++done, total);
    return answers;
  };
  const clean = await pass(undefined, false);
  const misled = await pass(mistakes.perturbation, false);
  const found = await searchWorst(heldOut.values, searches, start, (delta) => pass(delta, true));
  return {
    scores: {
      images,
      loss: meanDivergence(clean.divergence, images),
      agreement: clean.agreed / images,
      transfer: transferOf(mistakes, misled),
      perturbed: found.map(({ radius, answers: { agreed, flips } }) => ({
        radius,
        agreement: agreed / images,
        flips,
      })),
    },
    perturbation: found.at(-1)?.perturbation ?? start.perturbation,
  };
}

/** Of the images that the perturbation leads to a class in the teacher, those that it leads there in the student. */
export function transferOf(
  mistakes: TeacherMistakes,
  { classes }: Pick<Answers, "classes">,
): Scores["transfer"] {
  const followed = mistakes.led.filter((row) => classes[row] === mistakes.class);
  const { class: led, reach } = mistakes;
  return { class: led, reach, moved: mistakes.led.length, followed: followed.length };
}
