import type { CampaignReport } from "../../../protocol/round/reports.ts";
import type { Verdict, VerdictWord } from "../../../protocol/round/verdict.ts";
import { CommandError } from "../command-error.ts";

/** Exit codes of commands that end with a campaign's result, for scripts. */
const EXIT_CODES = {
  cleansed: 0,
  failed: 1,
  doubtful: 3,
  "not-judged": 4,
} as const satisfies Record<VerdictWord, number>;

/** For `--help`. */
export const EXIT_CODES_TEXT = `Exit code: ${EXIT_CODES.cleansed} cleansed, ${EXIT_CODES.failed} failed, ${EXIT_CODES.doubtful} doubtful, ${EXIT_CODES["not-judged"]} not judged.`;

/** A verdict's word as people read it. */
export function verdictWord(word: VerdictWord): string {
  return word === "cleansed" ? "cleansed" : word.replace("-", " ").toUpperCase();
}

/** Word, reasons and next step, as label and text; none while the campaign goes on. */
export function verdictRows({ verdict }: Pick<CampaignReport, "verdict">): [string, string][] {
  if (verdict === null) return [];
  return [
    ["verdict", verdictWord(verdict.verdict)],
    ...verdict.reasons.map(({ text }): [string, string] => ["", text]),
    ["next", verdict.next],
  ];
}

/**
 * Ends a command with an error unless the campaign's result is cleansed, after whatever was to be shown.
 *
 * @throws CommandError with the verdict's exit code.
 */
export function requireCleansed({ verdict }: Pick<CampaignReport, "verdict">): void {
  if (verdict === null || verdict.verdict === "cleansed") return;
  const { verdict: word, next } = verdict;
  throw new CommandError(`${VERDICT_SENTENCE[word]}: ${whyText(verdict)}`, next, {
    exitCode: EXIT_CODES[word],
  });
}

/** The reasons as one text. */
export function whyText({ reasons }: Verdict): string {
  return reasons.map(({ text }) => text).join(" ");
}

const VERDICT_SENTENCE = {
  cleansed: "the model is cleansed",
  doubtful: "the result is DOUBTFUL",
  failed: "the campaign FAILED",
  "not-judged": "the result was NOT JUDGED",
} as const satisfies Record<VerdictWord, string>;

/**
 * Refuses to hand out a model that is not cleansed, unless that was accepted.
 *
 * @throws CommandError that says why and what to do.
 */
export function requireAccepted(
  { verdict }: Pick<CampaignReport, "verdict">,
  accepted: boolean,
): void {
  if (accepted || verdict?.verdict === "cleansed") return;
  if (verdict === null) {
    throw new CommandError(
      "nobody has judged this model: a verdict is of the one that a campaign ends with",
      "`watch` follows a campaign to its end; --accept writes the model as it is.",
      { exitCode: EXIT_CODES["not-judged"] },
    );
  }
  throw new CommandError(
    `${VERDICT_SENTENCE[verdict.verdict]}: ${whyText(verdict)}`,
    `${verdict.next} --accept writes ${verdict.verdict === "failed" ? "the last good student, where there is one," : "the model"} all the same.`,
    { exitCode: EXIT_CODES[verdict.verdict] },
  );
}
