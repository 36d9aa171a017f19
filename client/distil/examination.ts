import type { Examination } from "../../protocol/round/trial/examination.ts";
import type { Session } from "../engine/engine.ts";
import { answersUnder, type Disturbed, type Model, type WayKind } from "./answers-under.ts";
import { meanDivergence } from "./mean-divergence.ts";
import { transferOf, type ScoringImages } from "./score-student.ts";
import type { ScoreHooks } from "./teacher-answers.ts";
import type { Weaknesses } from "./weaknesses.ts";
import { answersTo } from "./worst-perturbation.ts";

/** One thing that misleads the teacher, and the images that it leads to its class there. */
interface Led {
  readonly ask: (which: Model, hooks: ScoreHooks) => Promise<Disturbed>;
  readonly class: number;
  readonly rows: readonly number[];
  readonly kind: WayKind;
}

/**
 * Looks at students on held-out images beside the teacher, under all that was found to mislead it (SPEC K3.1,
 * K3.2). The teacher's answers never change, so once is enough.
 *
 * @example
 * const examiner = new Examiner(session, images, weaknesses);
 * const seen = await examiner.examine({ signal }); // of the session's student
 */
export class Examiner {
  readonly #session: Session;
  readonly #images: ScoringImages;
  readonly #weaknesses: Pick<Weaknesses, "bends" | "shortcuts">;
  #led: readonly Led[] | undefined;

  constructor(
    session: Session,
    images: ScoringImages,
    weaknesses: Pick<Weaknesses, "bends" | "shortcuts">,
  ) {
    this.#session = session;
    this.#images = images;
    this.#weaknesses = weaknesses;
  }

  /** @throws as `scoreStudent`. */
  async examine(hooks: ScoreHooks = {}): Promise<Examination> {
    const { heldOut, mistakes } = this.#images;
    const images = heldOut.indices.length;
    const led = (this.#led ??= await this.#askTeacher(hooks));
    const total = 2 + led.length;
    let done = 0;
    const pass = async <T>(answers: Promise<T>): Promise<T> => {
      const given = await answers;
      hooks.onPass?.(++done, total);
      return given;
    };
    const clean = await pass(this.#added("student", undefined, hooks));
    const misled = await pass(this.#added("student", mistakes.perturbation, hooks));
    const ways = { shortcuts: { moved: 0, followed: 0 }, bends: { moved: 0, followed: 0 } };
    const copies = { looked: images, kept: misled.agreed };
    for (const { ask, class: label, kind, rows } of led) {
      const { agreed, classes } = await pass(ask("student", hooks));
      ways[kind].moved += rows.length;
      ways[kind].followed += rows.filter((row) => classes[row] === label).length;
      copies.looked += images;
      copies.kept += agreed;
    }
    return {
      images,
      loss: meanDivergence(clean.divergence, images),
      agreement: clean.agreed / images,
      transfer: transferOf(mistakes, misled),
      ...ways,
      copies,
    };
  }

  async #askTeacher(hooks: ScoreHooks): Promise<readonly Led[]> {
    const { heldOut } = this.#images;
    const led: Led[] = [];
    for (const kind of ["shortcuts", "bends"] as const) {
      for (const { class: label, values } of this.#weaknesses[kind]) {
        const ask: Led["ask"] = (which, own) =>
          answersUnder(this.#session, which, heldOut, { kind, values }, own);
        const { classes } = await ask("teacher", hooks);
        const rows = [...classes.keys()].filter(
          (row) => classes[row] === label && heldOut.answers[row] !== label,
        );
        led.push({ ask, class: label, kind, rows });
      }
    }
    return led;
  }

  #added(which: Model, perturbation: Float32Array | undefined, hooks: ScoreHooks) {
    return answersTo(this.#session, which, this.#images.heldOut, hooks, perturbation, false);
  }
}
