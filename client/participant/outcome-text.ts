import type { Outcome } from "../../protocol/round/after-end.ts";

/** How a campaign ended, in sentences; null where its state says it all. */
export function outcomeText({ alarm, detail, evidenceGap, result }: Outcome): string | null {
  const sentences = [
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

function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
