import { accuracy, attackSuccessRate, robustAccuracy } from "../../../client/evaluation/metrics.ts";
import type { TestSet } from "../../../client/evaluation/evaluate-model.ts";
import { predictClasses } from "../../../client/evaluation/predict.ts";
import type { Normalisation } from "../../../client/distil/normalise.ts";
import type { Engine } from "../../../client/engine/engine.ts";
import type { ImportedModel } from "../../../protocol/formats/import-model.ts";
import type { StampedImages } from "./retuned.ts";

/** What a model answers; rates are fractions, null where nothing counts. */
export interface Judged {
  readonly acc: number | null;
  readonly asr: number | null;
  readonly ra: number | null;
  /** Share of stamped images of all classes, the target's too, that get their true label (PACC). */
  readonly pacc: number | null;
  /** Stamped images that each class was answered to, by class. */
  readonly stampedTo: readonly number[];
}

/** Judges a model on clean test images and on stamped ones. */
export async function judged(
  engine: Engine,
  model: Pick<ImportedModel, "graph" | "layout" | "state">,
  clean: TestSet,
  stamped: StampedImages,
  options: { readonly normalisation: Normalisation; readonly signal: AbortSignal },
): Promise<Judged> {
  const answers = await predictClasses(engine, model, clean.images, options);
  const led = await predictClasses(engine, model, stamped.images, options);
  const stampedTo = Array.from({ length: model.graph.classes }, () => 0);
  for (const answer of led) stampedTo[answer]!++;
  return {
    acc: accuracy(answers, clean.labels),
    asr: attackSuccessRate(led, stamped.labels, stamped.target),
    ra: robustAccuracy(led, stamped.labels, stamped.target),
    pacc: accuracy(led, stamped.labels),
    stampedTo,
  };
}
