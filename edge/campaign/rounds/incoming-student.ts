import { placeOf } from "../../../protocol/round/timeline.ts";
import { noMoments, type StudentRecord } from "../store/campaign-store.ts";
import type { Ledger } from "../store/ledger.ts";

/**
 * What a round begins with: student₀ of its leg's candidate in the leg's first round, after a fall-back
 * the student that was gone back to, likewise where an administrator went back, else what the round before
 * left (SPEC J4, J6, C4).
 */
export function incomingStudent(
  ledger: Ledger,
  round: number,
): Pick<StudentRecord, "slices" | "moments"> {
  const { config, course, decisions, slices } = ledger.campaign.read();
  const { leg, roundOfLeg, judging } = placeOf(config, round, course);
  if (roundOfLeg === 0) {
    const start = ledger.campaign.starts()[leg.candidate ?? -1];
    if (start === undefined) throw new Error(`round ${round} begins before a start was chosen`);
    return { slices: start.initialStudent, moments: noMoments(slices) };
  }
  const fellBackTo = judging && leg.kind === "main" ? decisions.alarm?.fellBackTo : undefined;
  const rolledBackTo = ledger.campaign.rolledBackTo(round);
  const student = ledger.campaign.committedStudent(rolledBackTo ?? fellBackTo ?? round);
  return { slices: student.slices, moments: student.moments };
}
