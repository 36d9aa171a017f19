import type { Session } from "../engine/engine.ts";
import { searchWorst, type PerturbationSearch } from "./worst-perturbation.ts";
import type { AnsweredImages, ScoreHooks } from "./teacher-answers.ts";
import type { Disturbance } from "./disturbance.ts";

/** A universal perturbation that leads the teacher to one class. */
export interface WayToClass {
  readonly class: number;
  /** The numbers of a disturbance: `[H, W, C]` of what is added. */
  readonly perturbation: Float32Array;
  /** Cross-entropy with the class, mean over the images it was sought on, nats. */
  readonly loss: number;
  /** Rows, among all images that were given, of those that it leads there. */
  readonly led: Uint32Array;
  /** Their share of the images it was sought on. */
  readonly share: number;
}

export interface WaySearch extends PerturbationSearch {
  /** Most images to look at. */
  readonly images: number;
}

/**
 * Searches the universal perturbation within a ball that leads the teacher's answers to a class, on
 * images that it does not answer so anyway: by normalised gradient steps that decrease the summed
 * cross-entropy with the class. Keeps the best on its way (targeted universal adversarial
 * perturbations: Hirano and Takemoto 2020).
 *
 * @param seen the participant's own, held out or not
 * @param from the class, which not all images may have, and where to start, within the ball
 * @throws as `answersTo`.
 */
export async function searchTowards(
  session: Session,
  seen: AnsweredImages,
  { images, radius, ascents }: WaySearch,
  from: Pick<WayToClass, "class" | "perturbation">,
  hooks: ScoreHooks,
  disturbance: Disturbance,
): Promise<WayToClass> {
  const rows = rowsWithout(seen, from.class).subarray(0, images);
  const wanted = wantClass(seen, rows, from.class);
  const start = { perturbation: from.perturbation, isFresh: false };
  let left = ascents + 1;
  const values = from.perturbation.length;
  const [found] = await searchWorst(values, [{ radius, ascents }], start, async (delta) => {
    const answers = await disturbance.ask(session, wanted, hooks, delta, --left > 0);
    return {
      ...answers,
      divergence: -answers.divergence,
      gradient: answers.gradient.map((value) => -value),
    };
  });
  const { perturbation, answers } = found!;
  const led = rows.filter((_, i) => answers.classes[i] === from.class);
  return {
    class: from.class,
    perturbation,
    loss: -answers.divergence / rows.length,
    led,
    share: led.length / rows.length,
  };
}

/** Rows of the images that the teacher does not give a class, in order. */
export function rowsWithout(
  { answers }: Pick<AnsweredImages, "answers">,
  label: number,
): Uint32Array {
  return Uint32Array.from(answers.keys()).filter((row) => answers[row] !== label);
}

/** These images, as if the teacher's clean answer to each were the class. */
function wantClass(seen: AnsweredImages, rows: Uint32Array, label: number): AnsweredImages {
  const { classes } = seen;
  const references = new Float32Array(rows.length * classes);
  for (let i = 0; i < rows.length; i++) references[i * classes + label] = 1;
  return {
    ...seen,
    indices: rows.map((row) => seen.indices[row]!),
    references,
    answers: new Uint32Array(rows.length).fill(label),
  };
}
