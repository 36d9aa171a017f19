import type { Outcome } from "../../protocol/round/after-end.ts";
import type { VerdictWord } from "../../protocol/round/verdict.ts";

/** How a campaign ended, in sentences; null where its state says it all. */
export function outcomeText({
  alarm,
  detail,
  evidenceGap,
  result,
  verdict,
}: Outcome): string | null {
  const sentences = [
    ...(verdict === null ? [] : [VERDICTS[verdict.verdict]]),
    ...(detail === null ? [] : [sentence(detail)]),
    ...(alarm?.fellBackTo == null
      ? []
      : [`The backdoor grew back, so it ends with the student of round ${alarm.fellBackTo}.`]),
    ...(evidenceGap === null ? [] : [sentence(evidenceGap)]),
    ...(result === null
      ? []
      : ["Its organiser shares the cleansed model with those who took part."]),
  ];
  return sentences.length === 0 ? null : sentences.join(" ");
}

/** For people who gave images: what came of it, without a figure. */
const VERDICTS = {
  cleansed:
    "The result holds: what misleads the model that was given does not mislead the cleansed one any more.",
  doubtful: "The result is doubtful: its organisers were told why, and what to do about it.",
  failed: "The result is not to be used: its organisers were told why.",
  "not-judged": "Nobody could judge the result.",
} as const satisfies Record<VerdictWord, string>;

function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
