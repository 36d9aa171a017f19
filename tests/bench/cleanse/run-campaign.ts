import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RoundReport } from "../../../protocol/round/reports.ts";
import type { ScoreSummary } from "../../../protocol/round/score-summary.ts";
import { openModelUpload, readModel } from "../../../client/cli/model-file.ts";
import { simulateCampaign } from "../../../client/cli/commands/simulate/simulate-campaign.ts";
import { seededStream } from "../../../client/demo/draw-images.ts";
import type { Engine } from "../../../client/engine/engine.ts";
import { evaluateModel } from "../../../client/evaluation/evaluate-model.ts";
import type { BenchRun } from "./bench-run.ts";
import { dealPool } from "./deal-pool.ts";
import type { CurvePoint, HeldOutScores } from "./result.ts";
import type { Outcome } from "./outcome.ts";
import { watchingStudents, type SeenStudent } from "./watch-students.ts";

export interface RunOptions {
  readonly engine: Engine;
  /** Every so many rounds of a leg are judged on test images; 0: none. */
  readonly curveEvery: number;
  /** Where the cleansed model is kept; thrown away when left out. */
  readonly keep: string | undefined;
  readonly stop: AbortSignal;
  readonly note: (line: string) => void;
}

type Figures = Pick<CurvePoint, "acc" | "asr" | "ra">;

/**
 * Runs a campaign as `scour simulate` does, and looks at each round's student on the way. Labels and
 * triggers judge; they reach neither coordinator nor participants.
 *
 * @throws whatever ends a campaign before its time; the signal's reason when it aborts.
 */
export async function runCampaign(run: BenchRun, options: RunOptions): Promise<Outcome> {
  const { engine, curveEvery, keep, stop, note } = options;
  const { loaded, settings, input, seed } = run;
  const { preprocessing: normalisation, teacher, tests, spec } = loaded;
  const random = seededStream(seed);
  const { participants, poolSize: size, skew } = settings;
  const shares = dealPool(loaded.pool, { participants, size, skew }, random);
  const figures = new Map<number, Figures>();
  let lookedSeconds = 0;
  const look = async ({ round, leg, isJudging, student }: SeenStudent): Promise<void> => {
    if (curveEvery === 0 || (!isJudging && leg.roundOfLeg % curveEvery !== 0)) return;
    const began = performance.now();
    const model = { ...teacher, state: new Float32Array(student) };
    const { acc, asr, ra } = await evaluateModel(
      engine,
      { model, ...tests },
      { normalisation, signal: stop },
    );
    figures.set(round, { acc, asr, ra });
    lookedSeconds += (performance.now() - began) / 1000;
  };
  const folder = await mkdtemp(join(tmpdir(), "scour-bench-"));
  try {
    const out = join(folder, "cleansed.safetensors");
    const began = performance.now();
    const { report, rounds } = await simulateCampaign({
      upload: await openModelUpload(spec.model, teacher.network),
      config: input,
      shares,
      random,
      engine,
      out,
      stop,
      note,
      observe: (training, index) => (index === 0 ? watchingStudents(training, look) : training),
    });
    const seconds = (performance.now() - began) / 1000 - lookedSeconds;
    const cleansed = await readModel(out, teacher.network);
    const after = await evaluateModel(
      engine,
      { model: cleansed, teacher, ...tests },
      { normalisation, signal: stop },
    );
    if (keep !== undefined) await copyFile(out, keep);
    return {
      shares: shares.map(({ count }) => count),
      config: report.config,
      after,
      curve: rounds.flatMap((round) => curvePoint(round, figures.get(round.round)) ?? []),
      decisions: { choice: report.choice, alarm: report.alarm, stopped: report.stopped },
      strengths: report.starts.map(({ strength }) => strength),
      images: rounds.reduce((sum, { examples }) => sum + examples, 0),
      seconds,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Undefined for a statistics round, which has no student. */
function curvePoint(report: RoundReport, figures: Figures | undefined): CurvePoint | undefined {
  const { agreement, judging, leg, loss, round, scores } = report;
  if (leg.kind === "statistics") return undefined;
  return {
    round,
    leg: leg.kind,
    candidate: leg.candidate,
    roundOfLeg: leg.roundOfLeg,
    judging,
    acc: figures?.acc ?? null,
    asr: figures?.asr ?? null,
    ra: figures?.ra ?? null,
    // A judging round repeats its scores there.
    trainingLoss: judging ? null : loss,
    trainingAgreement: judging ? null : agreement,
    heldOut: scores === null ? null : heldOutScores(scores),
  };
}

function heldOutScores(summary: ScoreSummary): HeldOutScores {
  const { images, loss, agreement, medians, perturbed, transfer } = summary;
  return {
    images,
    loss,
    agreement,
    transferRate: transfer.moved > 0 ? transfer.followed / transfer.moved : null,
    medians,
    perturbed: perturbed.map(({ agreement: kept, radius, topClass, topShare }) => ({
      radius,
      agreement: kept,
      topClass,
      topShare,
    })),
  };
}
