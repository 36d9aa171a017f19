import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ImportedModel } from "../../../protocol/formats/import-model.ts";
import type {
  CampaignConfig,
  CampaignConfigInput,
} from "../../../protocol/round/campaign-config.ts";
import { AdminError } from "../../../client/admin/admin-error.ts";
import { CommandError } from "../../../client/cli/command-error.ts";
import { exportModel } from "../../../client/cli/commands/campaign/export.ts";
import type { Coordinator } from "../../../client/cli/coordinator/start-coordinator.ts";
import { readModel } from "../../../client/cli/model-file.ts";
import { DEMO_IMAGES } from "../../../client/demo/demo-campaign.ts";
import { drawImages, DEMO_PREPROCESSING, seededStream } from "../../../client/demo/draw-images.ts";
import { labelledImages } from "../../../client/demo/labelled-images.ts";
import { stampTrigger, TRIGGER_TARGET } from "../../../client/demo/trigger.ts";
import type { Engine } from "../../../client/engine/engine.ts";
import { EngineError } from "../../../client/engine/engine-error.ts";
import { evaluateModel } from "../../../client/evaluation/evaluate-model.ts";
import { engineTrainers } from "../../../client/participant/open-engine-trainer.ts";
import type { TrainerSource } from "../../../client/participant/local-trainer.ts";
import { trainingInTurn } from "../../../client/simulation/train-in-turn.ts";
import { firstRound, type Attack } from "./attacks.ts";
import { Conduct, hostileTraining } from "./hostile-training.ts";
import { recordedTraining, type Recording } from "./recording.ts";
import type { Figures } from "./result.ts";
import { adminOf, runSeatedCampaign, seatSeeds, type CampaignEnd } from "./run-campaign.ts";
import { longestOverMedian, measuredTraining, type UpdateNorms } from "./update-norms.ts";

export const PARTICIPANTS = 5;
const IMAGES_EACH = 500;

export interface AttackRun {
  readonly attack: Attack;
  readonly seed: number;
  readonly input: CampaignConfigInput;
  readonly config: CampaignConfig;
}

export interface AttackSurroundings {
  readonly coordinator: Coordinator;
  readonly engine: Engine;
  readonly recording: Recording;
  /** Of participants with these images: what they found in the teacher, they keep from run to run. */
  readonly trainings: Map<string, TrainerSource>;
  readonly stop: AbortSignal;
}

export interface AttackOutcome extends CampaignEnd {
  readonly after: Figures;
  readonly broken: string | null;
  readonly refusals: readonly string[];
  readonly longest: { readonly trainable: number | null; readonly statistics: number | null };
  readonly seconds: number;
}

/**
 * One campaign on the demo's model with drawn images, some of its participants hostile. A clean one is
 * recorded; in the others honest participants send again what they sent for the same student.
 *
 * @throws the signal's reason when it aborts.
 */
export async function runAttack(
  { attack, config, input, seed }: AttackRun,
  surroundings: AttackSurroundings,
): Promise<AttackOutcome> {
  const { coordinator, engine, recording, stop, trainings } = surroundings;
  const began = performance.now();
  const { deed, hostile, when } = attack;
  const first = firstRound(when, config.distillation.rounds);
  const seeds = seatSeeds(seededStream(seed), 2 * PARTICIPANTS);
  const norms: UpdateNorms[] = [];
  const conducts = Array.from({ length: hostile }, () => new Conduct());
  const inTurn = trainingInTurn();
  const seats = seeds.slice(0, PARTICIPANTS).map((own, seat) => {
    const conduct = conducts[seat];
    const stamped = conduct !== undefined && deed.stamped === true;
    const key = `${seed} ${seat} ${stamped}`;
    const honest =
      trainings.get(key) ??
      engineTrainers({
        engine,
        images: imagesOf(seed, seat, stamped),
        seed: seeds[PARTICIPANTS + seat]!,
      });
    trainings.set(key, honest);
    let training = recordedTraining(honest, {
      recording,
      seat,
      mode: attack.name === "clean" ? "record" : "replay",
      replays: (round) => replaysIn(attack, round, first, stamped),
    });
    if (conduct !== undefined) {
      const participants = PARTICIPANTS;
      training = hostileTraining(training, { deed, first, participants, conduct });
    }
    training = measuredTraining(training, seat, (told) => void norms.push(told));
    return { training: inTurn(training), seed: own, conduct };
  });
  const end = await runSeatedCampaign({ coordinator, config: input, seats, stop });
  const longest = (section: "trainable" | "statistics"): number | null =>
    longestOverMedian(norms, { first, seats: hostile, section });
  return {
    ...end,
    ...(await judgeEnd(end.report.id, seed, surroundings)),
    refusals: conducts.flatMap(({ refusals }) => refusals),
    longest: { trainable: longest("trainable"), statistics: longest("statistics") },
    seconds: (performance.now() - began) / 1000,
  };
}

/**
 * Where an attack changes the student from the first round on, hardly anything could be sent again, and a
 * replayed first round costs honest ones their velocity in the second (SPEC D3).
 */
function replaysIn(attack: Attack, round: number, first: number, stamped: boolean): boolean {
  const { deed, hostile, when } = attack;
  if (hostile === 0) return round < first;
  const changesAll = when === "all" && (deed.forge !== undefined || deed.stamped === true);
  return !changesAll && !stamped;
}

function imagesOf(seed: number, seat: number, stamped: boolean) {
  const records = drawImages(IMAGES_EACH, DEMO_IMAGES.poolSeed + seed + 100 * seat);
  return labelledImages(stamped ? stampTrigger(records) : records).images;
}

/** ACC, ASR and RA of what a campaign hands out, on the demo's test images. */
async function judgeEnd(
  campaign: string,
  seed: number,
  { coordinator, engine, stop }: AttackSurroundings,
): Promise<Pick<AttackOutcome, "after" | "broken">> {
  const admin = adminOf(coordinator);
  const folder = await mkdtemp(join(tmpdir(), "scour-hostile-"));
  try {
    const out = join(folder, "cleansed.safetensors");
    await exportModel(admin, campaign, out);
    const model = await readModel(out);
    return { after: await judge(model, seed, engine, stop), broken: null };
  } catch (error) {
    if (
      error instanceof EngineError ||
      error instanceof CommandError ||
      error instanceof AdminError
    ) {
      return { after: { acc: null, asr: null, ra: null }, broken: error.message };
    }
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** As the demo judges, labels and trigger at hand. */
export async function judge(
  model: ImportedModel,
  seed: number,
  engine: Engine,
  signal: AbortSignal,
): Promise<Figures> {
  const clean = drawImages(DEMO_IMAGES.test, DEMO_IMAGES.testSeed + seed);
  const triggered = { ...labelledImages(stampTrigger(clean)), target: TRIGGER_TARGET };
  const { acc, asr, ra } = await evaluateModel(
    engine,
    { model, clean: labelledImages(clean), triggered },
    { normalisation: DEMO_PREPROCESSING, signal },
  );
  return { acc, asr, ra };
}
