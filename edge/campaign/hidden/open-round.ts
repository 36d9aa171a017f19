import { ProtocolError } from "../../../protocol/errors.ts";
import { requireCrowd } from "../../../protocol/privacy/private-round.ts";
import { readTotals, totalsWords } from "../../../protocol/privacy/two-operators/hidden-update.ts";
import { pieceOf } from "../../../protocol/privacy/two-operators/mask-sums.ts";
import type {
  HiddenUpdate,
  OpenedTotals,
} from "../../../protocol/privacy/two-operators/sealed-seed-schema.ts";
import { addWords, zeroWords } from "../../../protocol/privacy/vector/words.ts";
import { cohortOf, privateRoundOf, toldDigest } from "../../../protocol/round/private-rounds.ts";
import type { Privacy } from "../../../protocol/round/privacy.ts";
import { teacherOf } from "../../blobs/model-source.ts";
import { askHelper } from "../../slice/ask-helper.ts";
import type { CombineWork, HiddenTerms, SliceShape } from "../../slice/slice-work.ts";
import type { CombiningPlan } from "../combining/combining-plan.ts";
import { combineWork } from "../combining/slice-passes.ts";
import { incomingStudent } from "../rounds/incoming-student.ts";
import type { Ledger } from "../store/ledger.ts";

/** The set that a private round opens, and what opening it takes. */
export interface SumToOpen {
  readonly terms: HiddenTerms;
  readonly updates: readonly HiddenUpdate[];
}

/** The set of all accepted updates. @throws ProtocolError `unsafe-sum` where it would not hide them. */
export function sumToOpen(
  ledger: Ledger,
  { attempt, campaign }: CombiningPlan,
  privacy: Privacy,
): SumToOpen {
  const updates = ledger.commits.hidden(attempt);
  const seeds = updates.map(({ seed }) => seed);
  requireCrowd(privacy, seeds, "the round");
  const { slices } = incomingStudent(ledger, attempt.round);
  const told = attempt.sealedUnder ?? toldDigest(campaign.config);
  return {
    updates,
    terms: {
      url: privacy.helper.url,
      set: { round: privateRoundOf(campaign, privacy, told, attempt.round, slices), seeds },
      cohort: cohortOf(campaign.config),
      clipNorm: privacy.clipNorm,
      model: teacherOf(campaign.config),
    },
  };
}

/** What is summed beside the values (SPEC M9.6). */
export async function openTotals(
  { terms, updates }: SumToOpen,
  slices: number,
): Promise<OpenedTotals> {
  const { cohort, set, url } = terms;
  const sum = zeroWords(32, totalsWords(updates[0]!).length);
  for (const update of updates) addWords(sum, totalsWords(update));
  addWords(sum, await askHelper(url, { ...set, piece: pieceOf(slices, 32), count: sum.length }));
  return readTotals(sum, cohort, updates.length);
}

/** The one pass over a slice: nothing is measured of single updates. */
export function openWork(
  ledger: Ledger,
  plan: CombiningPlan,
  hidden: HiddenTerms,
  slice: SliceShape,
): CombineWork {
  const all = {
    kind: "sum",
    factors: plan.updates.map(() => 1),
    divisor: plan.updates.length,
  } as const;
  return { ...combineWork(ledger, plan, { trainable: all, statistics: all }, slice), hidden };
}

/** Whether a helper refused a set, which no try changes. */
export function isRefusal(error: unknown): error is ProtocolError {
  return error instanceof ProtocolError && error.code === "unsafe-sum";
}
