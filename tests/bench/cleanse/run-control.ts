import { localOptimizer } from "../../../protocol/round/local-optimizer.ts";
import type { CampaignConfig } from "../../../protocol/round/campaign-config.ts";
import { NOTHING_DECIDED } from "../../../protocol/round/decisions.ts";
import { channelScores } from "../../../protocol/reinit/channel-scores.ts";
import { parseSeed, reinitialise, reinitPlan } from "../../../protocol/reinit/reinitialise.ts";
import { trainSupervised } from "../../../client/attack/supervised-training.ts";
import { CommandError } from "../../../client/cli/command-error.ts";
import { seededStream } from "../../../client/demo/draw-images.ts";
import { augmentationFor } from "../../../protocol/round/augmentation.ts";
import { augmentedBatch } from "../../../client/distil/augment.ts";
import { ShuffledBatches } from "../../../client/distil/batches.ts";
import type { Engine } from "../../../client/engine/engine.ts";
import { evaluateModel } from "../../../client/evaluation/evaluate-model.ts";
import { plannedImages, type BenchRun } from "./bench-run.ts";
import { takeSome } from "./deal-pool.ts";
import type { ControlKind } from "./strategies.ts";
import type { Outcome } from "./outcome.ts";

export interface ControlOptions {
  readonly engine: Engine;
  readonly stop: AbortSignal;
  readonly note: (line: string) => void;
}

/** Fine-tuning starts from a trained model: a tenth of what training from fresh weights takes. */
const FINE_TUNE_RATE = 0.01;

/**
 * Runs what a campaign is held against, in one place and without a coordinator.
 *
 * @throws CommandError when the control does not fit the run; the signal's reason when it aborts.
 */
export async function runControl(
  run: BenchRun,
  control: ControlKind,
  { engine, stop, note }: ControlOptions,
): Promise<Outcome> {
  const { loaded, config } = run;
  const { preprocessing: normalisation, teacher, tests } = loaded;
  const strengths = [fixedStrength(config)];
  const began = performance.now();
  const { state, shares, images } =
    control === "reinit-only"
      ? { state: firstStudent(run), shares: [], images: 0 }
      : await fineTuned(run, { engine, stop, note });
  const seconds = (performance.now() - began) / 1000;
  const after = await evaluateModel(
    engine,
    { model: { ...teacher, state: new Float32Array(state) }, teacher, ...tests },
    { normalisation, signal: stop },
  );
  return {
    shares,
    config,
    after,
    curve: [],
    decisions: NOTHING_DECIDED,
    strengths,
    images,
    seconds,
  };
}

/** Student₀ as a campaign would hand it out. */
function firstStudent({ loaded, config }: BenchRun): Float32Array<ArrayBuffer> {
  const { graph, layout, state } = loaded.teacher;
  const { strategy, seed } = config.reinit;
  const scores = channelScores(strategy, graph, layout, state);
  const plan = reinitPlan(graph, strategy, fixedStrength(config), scores);
  if (seed === undefined) throw new RangeError("a bench's campaign has a seed");
  return reinitialise(state, layout, plan, parseSeed(seed));
}

function fixedStrength({ reinit }: CampaignConfig): number {
  if (reinit.strength !== "auto") return reinit.strength;
  throw new CommandError(
    "a control has no probes to choose a strength by",
    "Leave out --set reinit.strength=auto, or the controls.",
  );
}

/**
 * The teacher trained on the whole pool with its labels, for as many images and with the same batches
 * and augmentation as the campaign without options: what labels would buy.
 */
async function fineTuned(run: BenchRun, { engine, stop, note }: ControlOptions) {
  const { loaded, config, settings, seed } = run;
  const { graph, layout, state: start } = loaded.teacher;
  if (settings.swappedPool) {
    throw new CommandError(
      "fine-tune needs labels of the model's classes, which another pool does not have",
      "Leave fine-tune out of --strategies where --pool is given.",
    );
  }
  const random = seededStream(seed);
  const { pool, preprocessing: normalisation } = loaded;
  const { images: all, labels } = takeSome(pool, settings.poolSize ?? pool.images.count, random);
  if (labels === undefined) throw new RangeError("the pool was loaded without its labels");
  const { batchSize } = config.distillation;
  const { momentum, weightDecay } = localOptimizer(config.distillation, "sgd");
  const size = Math.min(batchSize, all.count);
  const stepsPerEpoch = Math.max(1, Math.floor(all.count / size));
  const steps = Math.round(plannedImages(run) / size);
  const epochs = Math.max(1, Math.round(steps / stepsPerEpoch));
  const batches = new ShuffledBatches(all.count, random);
  const augmentation = augmentationFor(config.distillation.augmentation, graph.inputShape);
  const session = engine.openSession({ graph, layout, teacher: start });
  try {
    const state = await trainSupervised(
      session,
      { state: start, epoch: 0 },
      {
        epochs,
        stepsPerEpoch,
        classes: graph.classes,
        learningRate: FINE_TUNE_RATE,
        schedule: { kind: "cosine" },
        momentum,
        weightDecay,
        async nextBatch() {
          const indices = batches.next(size);
          return {
            batch: await augmentedBatch(all, indices, normalisation, augmentation, random),
            labels: indices.map((index) => labels[index]!),
          };
        },
      },
      {
        signal: stop,
        onEpoch: ({ epoch, loss }) =>
          note(`epoch ${epoch + 1} of ${epochs}: cross-entropy ${loss.toFixed(4)}`),
      },
    );
    return { state, shares: [all.count], images: epochs * stepsPerEpoch * size };
  } finally {
    session.close();
  }
}
