import type { TrialAssignment } from "../../protocol/round/assignment.ts";
import type { VoteRequest } from "../../protocol/round/trial/examination.ts";
import { heldWhilePaused, partOf, type RoundTools } from "./round-work.ts";
import { studentName } from "./student-name.ts";
import { StepMeter } from "./step-meter.ts";

/** Fetches a student by its slices; those that are cached are not fetched again. */
export type FetchStudent = (slices: readonly string[]) => Promise<Float32Array<ArrayBuffer>>;

/**
 * Looks at a candidate beside the student that its round began with (SPEC K3). The candidate is, as a rule,
 * what the next round begins with, so nothing of this is fetched or looked at twice.
 *
 * @throws the signal's reason when it aborts; whatever the trainer throws.
 */
export async function tryCandidate(
  { attempt, candidate, last, leg, round, student }: TrialAssignment,
  signal: AbortSignal,
  tools: RoundTools,
  fetch: FetchStudent,
): Promise<VoteRequest> {
  const { campaign, context, trainer } = tools;
  const { board, device: backend, ports } = context;
  const part = partOf(leg, campaign.view);
  const meter = new StepMeter(ports.clock);
  const show = (passes: number, totalPasses: number): void =>
    void board.show({ kind: "trying", round, attempt, part, passes, totalPasses });
  const comparison = await trainer.compare({
    round,
    candidate: { name: studentName(student), fetch: () => fetch(student) },
    last: { name: studentName(last), fetch: () => fetch(last) },
    signal,
    beforeBatch: () => heldWhilePaused(tools, meter),
    onPass: (passes, totalPasses) => {
      meter.stepDone(0);
      show(passes, totalPasses);
    },
  });
  return { candidate, comparison, seconds: meter.seconds, backend };
}
