import type { ImportedModel } from "../../protocol/formats/import-model.ts";
import type { Graph } from "../../protocol/model/graph.ts";
import { otherReadings } from "../../protocol/model/readings.ts";
import { fitSettingsSchema, misfitOf, type Fit, type Misfit } from "../../protocol/round/fit.ts";
import type { Normalisation } from "../distil/normalise.ts";
import { evenly } from "../distil/teacher-answers.ts";
import { teacherFit, type FitQuestion } from "../distil/teacher-fit.ts";
import type { Engine, Session } from "../engine/engine.ts";
import type { ImageSet } from "../images/image-set.ts";

export interface FirstLook {
  readonly fit: Fit;
  /** Why model and images do not seem to belong together as they are read; undefined where they do. */
  readonly misfit: Misfit | undefined;
}

export interface LookHooks {
  readonly signal: AbortSignal;
  /** As many of the same pictures made in another size; undefined where there are only the images. */
  readonly inSize: FitQuestion["inSize"];
}

/**
 * What a model makes of some images, as a campaign's participants look at theirs first (SPEC F1, F2):
 * whether it is read as it was trained, its preprocessing and what its tensors do not tell. Labels play
 * no part.
 *
 * @returns undefined for fewer images than tell anything
 *
 * @example
 * const look = await firstLook(engine, model, images, preprocessing, { signal, inSize });
 * if (look?.misfit !== undefined) note(look.misfit.detail);
 */
export async function firstLook(
  engine: Engine,
  model: ImportedModel,
  images: ImageSet,
  normalisation: Normalisation,
  { inSize, signal }: LookHooks,
): Promise<FirstLook | undefined> {
  const { file, graph, layout, state: teacher } = model;
  const settings = fitSettingsSchema.parse({});
  const readings = otherReadings(file.tensors, model);
  const open = (of: Graph): Session => engine.openSession({ graph: of, layout, teacher });
  const all = Uint32Array.from({ length: images.count }, (_, index) => index);
  const indices = evenly(all, settings.images);
  const session = open(graph);
  try {
    const pool = { images, indices, normalisation, batchSize: AT_ONCE };
    const question = { session, graph, layout, teacher, pool, readings, open, inSize };
    const fit = await teacherFit(question, { signal, beforeBatch: async () => {} });
    return fit === null ? undefined : { fit, misfit: misfitOf(fit, settings, graph.classes) };
  } finally {
    session.close();
  }
}

const AT_ONCE = 32;
