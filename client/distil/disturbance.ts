import type { ImageShape } from "../../protocol/model/graph.ts";
import type { Session } from "../engine/engine.ts";
import { fieldLength, imageLengthOf } from "../engine/host/warp-field.ts";
import { bentAnswersTo } from "./bent-answers.ts";
import type { AnsweredImages, ScoreHooks } from "./teacher-answers.ts";
import { answersTo, type Answers } from "./worst-perturbation.ts";

/** A way to disturb all images by the same numbers, of which a search moves the teacher's answers. */
export interface Disturbance {
  /** How many numbers. */
  lengthFor(images: ImageShape): number;
  /**
   * The teacher's answers to images that are so disturbed; the gradient is by the numbers.
   *
   * @throws as `answersTo`.
   */
  ask(
    session: Session,
    seen: AnsweredImages,
    hooks: ScoreHooks,
    numbers: Float32Array,
    wantsGradient: boolean,
  ): Promise<Answers>;
}

/** `[H, W, C]` is added, normalised units. */
export const ADDED: Disturbance = {
  lengthFor: imageLengthOf,
  ask: (session, seen, ...rest) => answersTo(session, "teacher", seen, ...rest),
};

/** A field of displacements bends them, `[grid, grid, 2]`, pixels. */
export function bentBy(grid: number): Disturbance {
  return { lengthFor: () => fieldLength(grid), ask: bentAnswersTo };
}
