import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { CampaignReport, RoundReport } from "../../../../protocol/round/reports.ts";
import { AdminClient } from "../../../admin/admin-client.ts";
import {
  demoCampaign,
  DEMO_GOALS,
  DEMO_IMAGES,
  DEMO_PARTICIPANTS,
} from "../../../demo/demo-campaign.ts";
import { DEMO_PREPROCESSING, drawImages } from "../../../demo/draw-images.ts";
import { labelledImages } from "../../../demo/labelled-images.ts";
import { reportPage } from "../../../demo/report-page.ts";
import { sampleImages } from "../../../demo/sample-images.ts";
import { stampTrigger, TRIGGER_TARGET } from "../../../demo/trigger.ts";
import { nodeEnvironment } from "../../../engine/opening/node-environment.ts";
import { openEngine } from "../../../engine/opening/open-engine.ts";
import { evaluateModel, type Evaluation } from "../../../evaluation/evaluate-model.ts";
import { predictClasses } from "../../../evaluation/predict.ts";
import { exportModel, type ExportedFile } from "../campaign/export.ts";
import { startCoordinator } from "../../coordinator/start-coordinator.ts";
import { startJoins } from "./joined-processes.ts";
import { openModelUpload, readModel } from "../../model-file.ts";
import { whyText } from "../../show/verdict-text.ts";
import { followRounds } from "../../show/round-progress.ts";
import { givenModelText } from "../../show/score-text.ts";

/** Committed; made by scripts/train-demo-teacher.ts. */
const TEACHER = fileURLToPath(new URL("../../../demo/teacher.safetensors", import.meta.url));

export interface DemoOptions {
  /** Folder of the cleansed file and the report. */
  readonly out: string;
  /** Other images and another re-initialisation; default 0. */
  readonly seed?: number;
  /** Most that it trains; default `DEMO_ROUNDS`. */
  readonly rounds?: number;
  /** Two or more; default `DEMO_PARTICIPANTS`. */
  readonly participants?: number;
  readonly stop: AbortSignal;
  readonly note: (line: string) => void;
}

export interface DemoResult {
  readonly before: Evaluation;
  readonly after: Evaluation;
  readonly seconds: number;
  readonly cleansed: ExportedFile;
  readonly report: string;
  /** What the result misses of the demo's promise; empty when it holds. */
  readonly shortfalls: readonly string[];
}

/**
 * The whole job on drawn images: a coordinator, several participants as processes of their own, a
 * campaign from the upload to the export, and a judgement on images that nobody trained on.
 */
export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const { out, seed = 0, stop, note } = options;
  const startedAt = performance.now();
  await mkdir(out, { recursive: true });
  const engine = await openEngine({ backend: "wasm", environment: nodeEnvironment() });
  const teacher = await readModel(TEACHER);
  const clean = drawImages(DEMO_IMAGES.test, DEMO_IMAGES.testSeed + seed);
  const tests = {
    clean: labelledImages(clean),
    triggered: { ...labelledImages(stampTrigger(clean)), target: TRIGGER_TARGET },
  };
  const normalisation = DEMO_PREPROCESSING;
  note(`Judging the teacher on ${DEMO_IMAGES.test} drawn images …`);
  const before = await evaluateModel(
    engine,
    { model: teacher, ...tests },
    { normalisation, signal: stop },
  );

  const { campaign, rounds, cleansed } = await cleanse(options);

  note("Judging the cleansed model …");
  const model = await readModel(cleansed.out);
  const after = await evaluateModel(
    engine,
    { model, teacher, ...tests },
    { normalisation, signal: stop },
  );
  const answers = async (of: typeof model): Promise<Uint32Array> =>
    await predictClasses(engine, of, tests.triggered.images, { normalisation, signal: stop });
  const samples = await sampleImages({
    clean: tests.clean.images,
    triggered: tests.triggered.images,
    teacherAnswers: await answers(teacher),
    cleansedAnswers: await answers(model),
  });
  const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
  const report = join(out, "report.html");
  const cleansedDigest = cleansed.digest;
  const evidence = givenModelText(rounds);
  await writeFile(
    report,
    reportPage({ campaign, rounds, before, after, seconds, cleansedDigest, evidence, samples }),
  );
  return {
    before,
    after,
    seconds,
    cleansed,
    report,
    shortfalls: shortfalls(before, after, campaign),
  };
}

async function cleanse({
  out,
  seed = 0,
  rounds: most,
  participants: count = DEMO_PARTICIPANTS,
  stop,
  note,
}: DemoOptions): Promise<{
  campaign: CampaignReport;
  rounds: readonly RoundReport[];
  cleansed: ExportedFile;
}> {
  const coordinator = await startCoordinator({ report: note });
  try {
    note(`Coordinator at ${coordinator.url}.`);
    const admin = new AdminClient(coordinator.url, coordinator.adminToken);
    const upload = await openModelUpload(TEACHER);
    await admin.uploadModel(upload);
    const { id } = await admin.createCampaign(demoCampaign(upload.digest, seed, most, count));
    const { url } = await admin.invite(id, {
      uses: count,
      places: count,
    });
    await admin.act(id, "start");
    note(
      `Campaign ${id} is running; ${count} participants draw ${DEMO_IMAGES.perParticipant} images each …`,
    );
    const participants = [];
    for (let index = 0; index < count; index++) {
      const images = join(coordinator.stateDir, `participant-${index + 1}.bin`);
      const drawSeed = DEMO_IMAGES.poolSeed + seed + 100 * index;
      await writeFile(images, drawImages(DEMO_IMAGES.perParticipant, drawSeed));
      participants.push({ invite: url, images, label: `demo ${index + 1}`, backend: "wasm" });
    }
    const joined = startJoins(participants);
    try {
      const following = followRounds(admin, id, { stop, note });
      // Participants end with the campaign; before that only by failing.
      const rounds = await Promise.race([following, joined.done.then(() => following)]);
      const cleansed = await exportModel(admin, id, join(out, "cleansed.safetensors"));
      return { campaign: await admin.campaign(id), rounds, cleansed };
    } finally {
      await joined.stop();
    }
  } finally {
    await coordinator.stop();
  }
}

function shortfalls(before: Evaluation, after: Evaluation, campaign: CampaignReport): string[] {
  const { asrBefore, asrAfter, accDrop } = DEMO_GOALS;
  const drop = (before.acc ?? 0) - (after.acc ?? 0);
  return [
    // Doubt is no failure: without labels nobody can do more where nothing small misleads the teacher.
    ...(campaign.verdict?.verdict === "failed"
      ? [`the campaign failed: ${whyText(campaign.verdict)}`]
      : []),
    ...((before.asr ?? 0) > asrBefore
      ? []
      : [`the teacher's ASR is ${before.asr}, not above ${asrBefore}`]),
    ...((after.asr ?? 1) < asrAfter
      ? []
      : [`the cleansed model's ASR is ${after.asr}, not below ${asrAfter}`]),
    ...(drop < accDrop ? [] : [`ACC dropped by ${drop.toFixed(3)}, not by less than ${accDrop}`]),
  ];
}
