import type { CampaignView } from "../../protocol/round/access.ts";
import type { Assignment } from "../../protocol/round/assignment.ts";
import type { Scores } from "../../protocol/round/judging.ts";
import type { CheckIns } from "./check-ins.ts";
import type { ParticipantContext } from "./context.ts";
import type { EventChannel } from "./wire/event-channel.ts";
import { hiddenUpdate, withoutFlips, type Hiding } from "./hidden-work.ts";
import { studentName } from "./student-name.ts";
import type { CampaignPart } from "./status.ts";
import { StepMeter } from "./step-meter.ts";
import type { LocalTrainer } from "./local-trainer.ts";
import { encodeUpdate, judgement, type PendingUpdate } from "./wire/upload.ts";
import type { VerifiedCampaign } from "./verify-campaign.ts";

/** What a participant's rounds are worked with. */
export interface RoundTools {
  readonly campaign: VerifiedCampaign;
  readonly trainer: LocalTrainer;
  /** In a private campaign: how updates hide. */
  readonly hiding: Hiding | undefined;
  readonly channel: Pick<EventChannel, "progress">;
  readonly checkIns: Pick<CheckIns, "roundTook">;
  readonly context: Pick<ParticipantContext, "board" | "controls" | "device" | "gate" | "ports">;
  /** Told at every step and batch that somebody is at work (SPEC R14). */
  readonly beat: () => void;
}

/** One round's part of a participant, the student at hand. */
interface RoundTask {
  readonly assignment: Assignment;
  readonly student: Float32Array<ArrayBuffer>;
  /** Its reason is thrown between steps. */
  readonly signal: AbortSignal;
}

/**
 * Does what a round asks for: local steps after a look at the student as it came, or in a judging
 * round scores alone (SPEC J3).
 *
 * @throws the signal's reason when it aborts; whatever the trainer throws.
 */
export function workRound(task: RoundTask, tools: RoundTools): Promise<PendingUpdate> {
  return task.assignment.localSteps === 0 ? judge(task, tools) : train(task, tools);
}

async function train(task: RoundTask, tools: RoundTools): Promise<PendingUpdate> {
  const { assignment, signal, student } = task;
  const { campaign, channel, checkIns, context, hiding, trainer } = tools;
  const { board, device, ports } = context;
  const { attempt, leg, localSteps, round, startStep, totalSteps } = assignment;
  const part = partOf(leg, campaign.view);
  let imagesPerSecond = 0;
  const show = (step: number, loss: number | null): void => {
    const progress = { round, step, localSteps, loss, imagesPerSecond };
    board.show({ kind: "training", attempt, part, ...progress });
    // Its own loss is nobody's but its own where the round's is a sum.
    channel.progress({
      type: "progress",
      ...progress,
      ...(hiding !== undefined && { loss: null }),
    });
  };
  show(0, null);
  const scores = await score(task, tools, new StepMeter(ports.clock), () => undefined);
  // Begun after the scores: what it measures is the speed of local steps (SPEC R11).
  const meter = new StepMeter(ports.clock);
  const { agreement, examples, loss, update } = await trainer.train({
    round,
    leg,
    student,
    startStep,
    totalSteps,
    localSteps,
    signal,
    beforeStep: () => heldWhilePaused(tools, meter),
    onStep: (done) => {
      meter.stepDone(done.images);
      ({ imagesPerSecond } = meter);
      show(done.step, done.loss);
    },
  });
  const { seconds } = meter;
  checkIns.roundTook(examples, seconds);
  if (hiding !== undefined) {
    const told = { scores, seconds, backend: device };
    const trained = { agreement, loss, update };
    return hiddenUpdate(assignment, student, trained, told, hiding, campaign, ports.randomBytes);
  }
  return encodeUpdate({ round, attempt }, update, {
    layout: campaign.layout,
    codec: campaign.view.config.codec,
    seed: ports.randomBytes(32),
    report: { examples, loss, agreement, scores, seconds, backend: device },
  });
}

async function judge(task: RoundTask, tools: RoundTools): Promise<PendingUpdate> {
  const { attempt, leg, round } = task.assignment;
  const { board, device, ports } = tools.context;
  const part = partOf(leg, tools.campaign.view);
  const meter = new StepMeter(ports.clock);
  const show = (passes: number, totalPasses: number): void =>
    void board.show({ kind: "judging", round, attempt, part, passes, totalPasses });
  show(0, 1);
  const scores = await score(task, tools, meter, (passes, totalPasses) => {
    meter.stepDone(0);
    show(passes, totalPasses);
  });
  const { seconds } = meter;
  const told = tools.hiding === undefined ? scores : withoutFlips(scores);
  return judgement({ round, attempt }, { scores: told, seconds, backend: device });
}

function score(
  { assignment, signal, student }: RoundTask,
  tools: RoundTools,
  meter: StepMeter,
  onPass: (done: number, total: number) => void,
): Promise<Scores | null> {
  const { leg, localSteps, round } = assignment;
  return tools.trainer.score({
    round,
    leg,
    student,
    isJudging: localSteps === 0,
    name: studentName(assignment.student),
    signal,
    beforeBatch: () => heldWhilePaused(tools, meter),
    onPass,
  });
}

/** A pause holds here, off the clock. */
export async function heldWhilePaused(
  { beat, context }: Pick<RoundTools, "beat" | "context">,
  meter: StepMeter,
): Promise<void> {
  beat();
  if (!context.controls.paused) return;
  meter.pause();
  await context.gate();
  meter.restart();
}

/** For people: which part of the campaign a leg is. */
export function partOf(
  { candidate, kind }: Assignment["leg"],
  { starts }: CampaignView,
): CampaignPart {
  return kind === "main" ? { kind } : { kind, number: candidate + 1, of: starts.length };
}
