import type { Examination } from "../../protocol/round/trial/examination.ts";
import type { Session } from "../engine/engine.ts";
import { warpImage } from "../engine/host/host-warp.ts";
import { samplesOf } from "../engine/host/warp-field.ts";
import { placedValues } from "../engine/step/place-images.ts";
import { meanDivergence } from "./mean-divergence.ts";
import { plainBatch } from "./normalise.ts";
import { transferOf, type ScoringImages } from "./score-student.ts";
import type { Shortcut } from "./shortcuts.ts";
import { batchRanges, type AnsweredImages, type ScoreHooks } from "./teacher-answers.ts";
import type { Weaknesses } from "./weaknesses.ts";
import { answersTo, tallyAnswers } from "./worst-perturbation.ts";

type Model = "teacher" | "student";

/** A model's classes of all images under a disturbance, `[n]`, and how many keep the teacher's clean answer. */
interface Disturbed {
  readonly classes: Uint32Array;
  readonly agreed: number;
}

/** One thing that misleads the teacher, and the images that it leads to its class there. */
interface Led {
  readonly ask: (which: Model, hooks: ScoreHooks) => Promise<Disturbed>;
  readonly class: number;
  readonly rows: readonly number[];
  readonly kind: "shortcuts" | "bends";
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
    const { bends, shortcuts } = this.#weaknesses;
    const found: readonly [Led["kind"], Shortcut, Led["ask"]][] = [
      ...shortcuts.map((one): [Led["kind"], Shortcut, Led["ask"]] => [
        "shortcuts",
        one,
        (which, own) => this.#added(which, one.values, own),
      ]),
      ...bends.map((one): [Led["kind"], Shortcut, Led["ask"]] => [
        "bends",
        one,
        (which, own) => bentAnswers(this.#session, which, heldOut, one.values, own),
      ]),
    ];
    const led: Led[] = [];
    for (const [kind, { class: label }, ask] of found) {
      const { classes } = await ask("teacher", hooks);
      const rows = [...classes.keys()].filter(
        (row) => classes[row] === label && heldOut.answers[row] !== label,
      );
      led.push({ ask, class: label, kind, rows });
    }
    return led;
  }

  #added(which: Model, perturbation: Float32Array | undefined, hooks: ScoreHooks) {
    return answersTo(this.#session, which, this.#images.heldOut, hooks, perturbation, false);
  }
}

/**
 * A model's answers to images that a field of displacements bends, a batch at a time: without a gradient no
 * image needs to stand alone.
 *
 * @param field `[grid, grid, 2]`, pixels
 * @throws as `answersTo`.
 */
async function bentAnswers(
  session: Session,
  which: Model,
  seen: AnsweredImages,
  field: Float32Array,
  { beforeBatch, signal }: ScoreHooks,
): Promise<Disturbed> {
  const { classes, images, indices, normalisation } = seen;
  const samples = samplesOf(field, { grid: Math.sqrt(field.length / 2), image: images });
  const logits = new Float32Array(indices.length * classes);
  for (const { first, end } of batchRanges(seen)) {
    await beforeBatch?.();
    signal?.throwIfAborted();
    const batch = await plainBatch(images, [...indices.subarray(first, end)], normalisation);
    const values = placedValues(batch, images);
    const bent = new Float32Array(values.length);
    for (let from = 0; from < values.length; from += seen.values) {
      warpImage(values, from, samples, bent.subarray(from, from + seen.values));
    }
    logits.set(await session.logits(which, { values: bent, size: batch.size }), first * classes);
  }
  return tallyAnswers(which, seen, logits);
}
