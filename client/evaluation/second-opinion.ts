import { plainBatch } from "../distil/normalise.ts";
import type { Engine } from "../engine/engine.ts";
import type { ImageSet } from "../images/image-set.ts";
import type { Judge } from "../judge/judge.ts";
import type { EvaluateOptions, EvaluationTask } from "./evaluate-model.ts";
import { accuracy, attackSuccessRate, robustAccuracy } from "./metrics.ts";
import { inBatches, largestOfRows } from "./predict.ts";

/** What a judge makes of a model, beside the engine. Fractions; null for what was not asked for. */
export interface SecondOpinion {
  /** For people. */
  readonly judge: string;
  /** By the judge's own answers. */
  readonly acc: number | null;
  readonly asr: number | null;
  readonly ra: number | null;
  /** Images looked at by both, clean and stamped. */
  readonly images: number;
  /** Share of them on which both give the same answer. */
  readonly agreement: number;
  /** Between two logits for the same class of the same image; not finite where one of them is not. */
  readonly largestDifference: number;
}

/** Both sides' answers to images, as far as they are kept. */
interface Compared {
  readonly answers: Uint32Array;
  readonly alike: number;
  readonly largestDifference: number;
}

/**
 * Has a judge answer what the engine answers, and compares them image by image. Images on which a logit
 * is not finite count as answered otherwise.
 *
 * @example
 * const { agreement } = await secondOpinion(engine, await openNodeJudge(), task, { normalisation });
 */
export async function secondOpinion(
  engine: Engine,
  judge: Judge,
  { model, clean, triggered }: EvaluationTask,
  { normalisation, batchSize = 100, onProgress, signal }: EvaluateOptions,
): Promise<SecondOpinion> {
  const images = clean.images.count + (triggered?.images.count ?? 0);
  const { classes } = model.graph;
  let done = 0;
  const session = engine.openSession({ ...model, teacher: model.state });
  const judged = judge.read(model);
  const compare = async (set: ImageSet): Promise<Compared> => {
    const answers = new Uint32Array(set.count);
    let alike = 0;
    let largestDifference = 0;
    for (const indices of inBatches(set.count, batchSize)) {
      signal?.throwIfAborted();
      const ours = await session.logits("teacher", await plainBatch(set, indices, normalisation));
      const theirs = await judged.logits(set, indices, normalisation);
      const own = largestOfRows(ours, classes);
      const others = largestOfRows(theirs, classes);
      answers.set(others, indices[0]);
      for (let row = 0; row < indices.length; row++) {
        const difference = differenceOfRow(ours, theirs, row, classes);
        largestDifference = Math.max(largestDifference, difference);
        if (Number.isFinite(difference) && own[row] === others[row]) alike++;
      }
      done += indices.length;
      onProgress?.(done / images);
    }
    return { answers, alike, largestDifference };
  };
  try {
    const onClean = await compare(clean.images);
    const onStamped = triggered && (await compare(triggered.images));
    const attacked =
      onStamped && triggered
        ? ([onStamped.answers, triggered.labels, triggered.target] as const)
        : undefined;
    return {
      judge: judge.name,
      acc: accuracy(onClean.answers, clean.labels),
      asr: attacked ? attackSuccessRate(...attacked) : null,
      ra: attacked ? robustAccuracy(...attacked) : null,
      images,
      agreement: (onClean.alike + (onStamped?.alike ?? 0)) / images,
      largestDifference: Math.max(onClean.largestDifference, onStamped?.largestDifference ?? 0),
    };
  } finally {
    session.close();
    judged.close();
  }
}

function differenceOfRow(
  ours: Float32Array,
  theirs: Float32Array,
  row: number,
  classes: number,
): number {
  let largest = 0;
  for (let index = row * classes; index < (row + 1) * classes; index++) {
    largest = Math.max(largest, Math.abs(ours[index]! - theirs[index]!));
  }
  return largest;
}
