import { z } from "zod";
import type { Decisions } from "./decisions.ts";
import { regrowthRule, type Judging } from "./judging.ts";
import type { ScoreSummary } from "./score-summary.ts";
import type { CampaignState } from "./states.ts";

/** What is held of the model that a campaign ends with, in a word (SPEC V1). */
const VERDICTS = ["cleansed", "doubtful", "failed", "not-judged"] as const;
export type VerdictWord = (typeof VERDICTS)[number];

const REASONS = [
  "all-held",
  "campaign-failed",
  "campaign-aborted",
  "nobody-judged",
  "mistakes-kept",
  "regrowth",
  "answers-changed",
  "easily-misled",
  "nothing-small-misleads",
  "no-mistakes-seen",
  "few-images",
  "other-pictures",
  "few-participants",
  "rule-stepped-down",
  "updates-hidden",
] as const;
type Reason = (typeof REASONS)[number];

/** What is held of a campaign's result, why, and what to do now. */
export const verdictSchema = z.object({
  verdict: z.enum(VERDICTS),
  /** Most telling first; `code` for scripts, `text` a sentence for people. */
  reasons: z.array(z.object({ code: z.enum(REASONS), text: z.string() })).min(1),
  /** The next step, a sentence. */
  next: z.string(),
});
export type Verdict = z.output<typeof verdictSchema>;

/**
 * Thresholds of the verdict, on medians over those who scored the last student. Chosen on the 47 recorded
 * campaigns of docs/results that were judged, tried on 38 of earlier defaults in docs/research:
 * `npm run bench:verdict` runs both again and has the table. Of 15 that ended above 10 % ASR none is called
 * cleansed; of 61 that ended at most there and lost at most four points of accuracy 43 are.
 */
export const VERDICT = {
  /** Share of images that something small leads the teacher on; below, nobody knows its short cuts. */
  reach: 0.6,
  /** Share of the teacher's mistakes that the student may make too. */
  transferRate: 0.1,
  /** Above this it has the teacher's short cuts still. */
  kept: 0.5,
  /** Share of images on which it answers as the teacher does. */
  agreement: 0.88,
  /** The same under the worst universal perturbation of the smallest radius. */
  perturbed: 0.65,
  /** Held-out images, of all participants together: of fewer, chance alone moves a share by a tenth. */
  images: 100,
} as const;

/** Participants of whom one can be contradicted by the others. */
const FEWEST = 3;

/** What the verdict follows from: all of it stands in the chain, or follows from what stands there. */
export interface VerdictFacts {
  readonly state: CampaignState;
  readonly detail: string | null;
  readonly decisions: Decisions;
  readonly judging: Judging;
  /** Of the main leg's judging round; null where there was none, or nobody scored. */
  readonly scores: ScoreSummary | null;
  /** Fewest updates that one of the main leg's rounds combined; null where none did. */
  readonly fewest: number | null;
  /** Rules that rounds were combined by in the place of the configured one (SPEC O9). */
  readonly steppedDown: readonly string[];
  /** Fewest participants in one of its sums, where updates hid in sums (SPEC M9); null where all were seen. */
  readonly hidden: number | null;
  /** Participants who told whether their pictures fit, and those whose do not (SPEC F2). */
  readonly pictures: { readonly told: number; readonly unfit: number };
}

type Found = readonly [code: Reason, text: string];

/**
 * What is held of a campaign's result, without a label (SPEC V). A pure function: whoever has the facts
 * comes to the same words.
 *
 * @returns null while the campaign goes on
 */
export function verdictOf(facts: VerdictFacts): Verdict | null {
  const { decisions, detail, state } = facts;
  switch (state) {
    case "finished":
      break;
    case "failed": {
      const why = decisions.gate?.verdict === "failed" ? decisions.gate.detail : detail;
      return verdict(
        "failed",
        [["campaign-failed", sentence(why ?? "the campaign failed")]],
        facts,
      );
    }
    case "aborted": {
      const why = detail === null ? "It was ended before it was done." : sentence(detail);
      return verdict("not-judged", [["campaign-aborted", why]], facts);
    }
    case "ready":
    case "running":
    case "paused":
      return null;
    default:
      return state satisfies never;
  }
  const { scores } = facts;
  if (scores === null || decisions.gate?.verdict !== "passed") {
    const gate = decisions.gate?.verdict === "unjudged" ? decisions.gate.detail : undefined;
    const why = sentence(
      gate ?? "nobody scored the last model on pictures that it was not trained on",
    );
    return verdict("not-judged", [["nobody-judged", why]], facts);
  }
  const { transferRate } = scores.medians;
  const against = [...foundIn(scores), ...circumstances(facts)];
  if (against.length === 0) return verdict("cleansed", [["all-held", heldText(scores)]], facts);
  const kept =
    transferRate !== null && transferRate > VERDICT.kept && isLed(scores) ? "failed" : "doubtful";
  return verdict(kept, against, facts);
}

/** Whether something small leads the teacher on most images: then its short cuts are known. */
function isLed({ medians: { reach } }: ScoreSummary): boolean {
  return (reach ?? 0) >= VERDICT.reach;
}

/** What the scores of the last student say against it. */
function foundIn(scores: ScoreSummary): Found[] {
  const { agreement, perturbed, reach, transferRate } = scores.medians;
  const found: Found[] = [];
  if (transferRate !== null && transferRate > VERDICT.transferRate && isLed(scores)) {
    found.push([
      "mistakes-kept",
      `Pictures with a small change that mislead the given model mislead this one on ${percent(transferRate)} too; ${percent(VERDICT.transferRate)} is what cleansed models come to.`,
    ]);
  }
  if (agreement < VERDICT.agreement) {
    found.push([
      "answers-changed",
      `It answers as the given model does on ${percent(agreement)} of clean pictures; below ${percent(VERDICT.agreement)} accuracy was lost, or the pictures are not of the kind that it was made for.`,
    ]);
  }
  const [smallest] = perturbed;
  if (smallest !== undefined && smallest.agreement < VERDICT.perturbed) {
    found.push([
      "easily-misled",
      `One small change, the same for all pictures, leaves ${percent(smallest.agreement)} of its answers as they were; ${percent(VERDICT.perturbed)} is what cleansed models keep.`,
    ]);
  }
  if (!isLed(scores)) {
    found.push([
      "nothing-small-misleads",
      `Nothing small misleads the given model: the best that was found leads ${percent(reach ?? 0)} of pictures to one class. Either it has no backdoor, or one that these scores do not see (smooth, or bending the picture).`,
    ]);
  } else if (transferRate === null) {
    found.push([
      "no-mistakes-seen",
      "What misleads the given model misled it on no picture that was held out.",
    ]);
  }
  if (scores.images < VERDICT.images) {
    found.push([
      "few-images",
      `It was judged on ${scores.images} pictures in all; of fewer than ${VERDICT.images} chance alone moves such shares by a tenth.`,
    ]);
  }
  return found;
}

/** What else happened that speaks against it. */
function circumstances({ decisions: { alarm }, judging, pictures }: VerdictFacts): Found[] {
  const found: Found[] = [];
  if (alarm !== null) {
    const back = regrowthRule(judging).action === "fall-back" && alarm.fellBackTo !== null;
    found.push([
      "regrowth",
      `The backdoor was seen growing back${back ? `, and the model of round ${alarm.fellBackTo} was taken instead` : ""}: ${alarm.detail}.`,
    ]);
  }
  if (2 * pictures.unfit > pictures.told) {
    found.push([
      "other-pictures",
      `The pictures of ${pictures.unfit} of ${pictures.told} participants are not of the kind that the model was trained on.`,
    ]);
  }
  return found;
}

/** What bounds the verdict's worth, whatever it is. */
function caveats({ fewest, hidden, steppedDown }: VerdictFacts): Found[] {
  const found: Found[] = [];
  if (fewest !== null && fewest < FEWEST) {
    const who = fewest === 1 ? "One participant" : "Two participants";
    found.push([
      "few-participants",
      `${who} made a round alone: nobody could have contradicted a hostile one.`,
    ]);
  }
  if (steppedDown.length > 0) {
    found.push([
      "rule-stepped-down",
      `Too few came for the rule that was asked for; some rounds were combined by ${steppedDown.join(" and ")}.`,
    ]);
  }
  if (hidden !== null) {
    found.push([
      "updates-hidden",
      `Updates hid in sums of at least ${hidden} participants: nobody saw a single one, and nobody could have told an odd one, but that each was to be cut to a norm by its own sender.`,
    ]);
  }
  return found;
}

function verdict(word: VerdictWord, found: readonly Found[], facts: VerdictFacts): Verdict {
  const reasons = [...found, ...caveats(facts)].map(([code, text]) => ({ code, text }));
  return { verdict: word, reasons, next: nextStep(word, found[0]![0]) };
}

function heldText({ medians: { agreement, reach, transferRate }, images }: ScoreSummary): string {
  return `Something small misleads the given model on ${percent(reach ?? 0)} of pictures; of its mistakes this one makes ${percent(transferRate ?? 0)}, and on clean pictures it answers alike on ${percent(agreement)} (${images} pictures that it was not trained on).`;
}

function nextStep(word: VerdictWord, first: Reason): string {
  switch (word) {
    case "cleansed":
      return "Check it once with labelled pictures of your own where you have some (`evaluate`), then put it in the place of the other.";
    case "failed":
      return "Do not use it. `campaign updates` lists who sent what: remove whom you do not trust, and begin a new campaign.";
    case "not-judged":
      return "Begin a new campaign in which at least three participants have pictures enough to hold some out.";
    case "doubtful":
      return (
        ADVICE[first] ??
        "Check it with labelled pictures and the trigger you suspect (`evaluate`) before it is used."
      );
    default:
      return word satisfies never;
  }
}

const ADVICE: Partial<Record<Reason, string>> = {
  "mistakes-kept":
    "Begin a new campaign with more of the model re-initialised (`--strength 2`) or more participants.",
  "answers-changed":
    "Begin a new campaign with more pictures of the kind that the model is for, or more rounds.",
  "few-images": "Let more participants take part, or such as have more pictures.",
  "other-pictures":
    "Ask participants for pictures of the kind that the model is for, and check `--mean`, `--std` and the size.",
};

function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}

/** With a capital and a full stop. */
function sentence(text: string): string {
  const whole = text[0] === undefined ? text : text[0].toUpperCase() + text.slice(1);
  return whole.endsWith(".") ? whole : `${whole}.`;
}
