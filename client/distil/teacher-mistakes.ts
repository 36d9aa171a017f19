import type { Session } from "../engine/engine.ts";
import type { HeldOutImages } from "./held-out-images.ts";
import {
  answersTo,
  searchPasses,
  searchWorst,
  type PerturbationSearch,
  type ScoreHooks,
  type SearchStart,
} from "./worst-perturbation.ts";

/** Where one universal perturbation misleads the teacher. */
export interface TeacherMistakes {
  /** `[H, W, C]` */
  readonly perturbation: Float32Array;
  /** `[n]`: the teacher's classes under it. */
  readonly answers: Uint32Array;
}

/**
 * Finds the worst universal perturbation of the teacher (SPEC J2). The teacher never changes, so once
 * is enough: a student that makes the same mistakes under it has the teacher's short ways to other
 * answers, of which a backdoor is one.
 *
 * @param searches of growing radius, at least one; the last one's is kept
 * @throws as `answersTo`.
 *
 * @example
 * const mistakes = await findTeacherMistakes(session, heldOut, searches, { perturbation, isFresh: true });
 */
export async function findTeacherMistakes(
  session: Session,
  heldOut: HeldOutImages,
  searches: readonly PerturbationSearch[],
  start: SearchStart,
  hooks: ScoreHooks = {},
): Promise<TeacherMistakes> {
  const total = searchPasses(searches, start.isFresh);
  let done = 0;
  const found = await searchWorst(heldOut.values, searches, start, async (delta) => {
    const answers = await answersTo(session, "teacher", heldOut, hooks, delta, done + 1 < total);
    hooks.onPass?.(++done, total);
    return answers;
  });
  const { perturbation, answers } = found.at(-1)!;
  return { perturbation, answers: answers.classes };
}
