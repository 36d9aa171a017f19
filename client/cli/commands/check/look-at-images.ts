import { readState } from "../../../../protocol/formats/import-model.ts";
import type { OpenModel } from "../../../../protocol/formats/open-model.ts";
import type { CampaignConfig } from "../../../../protocol/round/campaign-config.ts";
import { firstLook } from "../../../evaluation/first-look.ts";
import { loadImages } from "../../../images/load-node.ts";
import { preparationInSize } from "../../../images/prepare-image.ts";
import { samplePictures } from "../../../images/sample-pictures.ts";
import { summariseSkipped } from "../../../images/skipped.ts";
import { howSeen } from "../../how-seen.ts";
import { openChosenEngine, type EngineOptions } from "../../options/engine-options.ts";
import { skippedLines } from "../../show/skipped-text.ts";
import type { CheckReport, LookedAt } from "./check-report.ts";

/** Pictures that are enough to tell by. */
const ENOUGH = 256;

export interface LookOptions extends EngineOptions {
  readonly images: string;
  /** What was said of how it sees pictures. */
  readonly preprocessing: CampaignConfig["preprocessing"];
  readonly signal: AbortSignal;
  readonly note: (line: string) => void;
}

/**
 * What the model makes of some pictures, and whether they seem to be such as it was trained on, read and
 * prepared as they are (SPEC F1, F2); adds it to the report.
 *
 * @throws ImageError where no pictures are there; OptionError where mean and std are not known.
 */
export async function lookAtImages(
  report: CheckReport,
  model: OpenModel,
  { images: path, note, preprocessing: given, signal, ...engineOptions }: LookOptions,
): Promise<CheckReport> {
  const { preparation, preprocessing } = howSeen(model, given);
  const sampled = await samplePictures(path, preparation, ENOUGH);
  const images = sampled ?? (await loaded(path, preparation, note));
  const engine = await openChosenEngine(engineOptions, note);
  try {
    const state = await readState(model, 0, model.layout.length);
    const look = await firstLook(engine, { ...model, state }, images, preprocessing, {
      signal,
      inSize: async (shape, count) =>
        await samplePictures(path, preparationInSize(preparation, shape), count),
    });
    if (look === undefined) {
      const message = `${images.count} pictures tell nothing of a model: name more with --images.`;
      const finding = { rule: "too-few-pictures", level: "note", message } as const;
      return { ...report, findings: [...report.findings, finding] };
    }
    const { fit, misfit } = look;
    const { confidence, distance, entropy, images: count } = fit;
    const looked: LookedAt = {
      images: count,
      confidence,
      entropy,
      distance,
      misfit: misfit ?? null,
    };
    if (misfit === undefined) return { ...report, pictures: looked };
    const message = `Model and pictures do not fit: ${misfit.detail}.`;
    const finding = { rule: "pictures-do-not-fit", level: "warning", message } as const;
    return { ...report, pictures: looked, findings: [...report.findings, finding] };
  } finally {
    await engine.close();
  }
}

async function loaded(
  path: string,
  preparation: Parameters<typeof loadImages>[1],
  note: (line: string) => void,
) {
  const { skipped, ...images } = await loadImages(path, preparation);
  for (const line of skippedLines(summariseSkipped(skipped), path)) note(line);
  return images;
}
