import type { ImportedModel } from "../../protocol/formats/import-model.ts";
import type { ImageSet } from "../images/image-set.ts";
import type { Engine } from "../engine/engine.ts";
import type { AttackTarget } from "./attack-target.ts";
import { accuracy, agreementRate, attackSuccessRate, robustAccuracy } from "./metrics.ts";
import { predictClasses, type PredictOptions } from "./predict.ts";

type Model = Pick<ImportedModel, "graph" | "layout" | "state">;

/** Images with their true labels: for reports only. */
export interface TestSet<Set extends ImageSet = ImageSet> {
  readonly images: Set;
  readonly labels: ArrayLike<number>;
}

export interface EvaluationTask {
  readonly model: Model;
  readonly clean: TestSet;
  /** Stamped images with their TRUE labels, and what the attacker wants of them. */
  readonly triggered?: TestSet & { readonly target: AttackTarget };
  /** Whose answers the agreement is with. */
  readonly teacher?: Model;
}

/** Fractions; null for what was not asked for. */
export interface Evaluation {
  readonly acc: number | null;
  readonly asr: number | null;
  readonly ra: number | null;
  readonly agreement: number | null;
  /** Clean images looked at. */
  readonly images: number;
}

export interface EvaluateOptions extends Omit<PredictOptions, "onProgress"> {
  /** Share of the work done, 0 to 1. */
  readonly onProgress?: (share: number) => void;
}

/**
 * Judges a model on labelled images.
 *
 * @example
 * const { acc, asr } = await evaluateModel(engine, { model, clean, triggered }, { normalisation });
 */
export async function evaluateModel(
  engine: Engine,
  { model, clean, triggered, teacher }: EvaluationTask,
  options: EvaluateOptions,
): Promise<Evaluation> {
  const total =
    clean.images.count * (teacher === undefined ? 1 : 2) + (triggered?.images.count ?? 0);
  let done = 0;
  const classesOf = async (of: Model, images: ImageSet): Promise<Uint32Array> => {
    const before = done;
    return await predictClasses(engine, of, images, {
      ...options,
      onProgress(count) {
        done = before + count;
        options.onProgress?.(done / total);
      },
    });
  };
  const answers = await classesOf(model, clean.images);
  const others = teacher && (await classesOf(teacher, clean.images));
  const stamped = triggered && (await classesOf(model, triggered.images));
  const judged =
    stamped && triggered ? ([stamped, triggered.labels, triggered.target] as const) : undefined;
  return {
    acc: accuracy(answers, clean.labels),
    asr: judged ? attackSuccessRate(...judged) : null,
    ra: judged ? robustAccuracy(...judged) : null,
    agreement: others ? agreementRate(answers, others) : null,
    images: clean.images.count,
  };
}
