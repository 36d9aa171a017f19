import { utf8ToBytes } from "@noble/hashes/utils.js";
import { sha256 } from "../../protocol/digest.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { OPEN_AFTER_END_MS, type Outcome, type Receipt } from "../../protocol/round/after-end.ts";
import type { CommitReply } from "../../protocol/round/assignment.ts";
import { isEnded } from "../../protocol/round/states.ts";
import { roundCount } from "../../protocol/round/timeline.ts";
import { teacherOf } from "../blobs/model-source.ts";
import type { StudentOf } from "./history.ts";
import type { CampaignRecord, StudentRecord } from "./store/campaign-store.ts";
import { evidenceGapOf } from "./evidence.ts";
import { campaignVerdict } from "./verdict.ts";
import type { OwnCommit } from "./store/commit-store.ts";
import type { Ledger } from "./store/ledger.ts";

const DAY_MS = 86_400_000;

function ended({ state }: CampaignRecord, what: string): ProtocolError {
  return new ProtocolError("campaign-ended", `the campaign is ${state}: ${what}`, { state });
}

/**
 * Refuses every call once what is left to see of an ended campaign was open for long enough (SPEC A8).
 *
 * @throws ProtocolError `campaign-ended`.
 */
export function requireOpen(campaign: CampaignRecord, now: number): void {
  if (campaign.endedAt === null || now < campaign.endedAt + OPEN_AFTER_END_MS) return;
  throw ended(
    campaign,
    `its outcome could be had for ${OPEN_AFTER_END_MS / DAY_MS} days, which are over; ask whoever invited you`,
  );
}

/**
 * Refuses what only a campaign that goes on has to give.
 *
 * @throws ProtocolError `campaign-ended`.
 */
export function requireGoingOn(campaign: CampaignRecord): void {
  if (!isEnded(campaign.state)) return;
  throw ended(campaign, "what is left to have is GET /api/v1/outcome and /api/v1/receipt");
}

function requireEnded({ endedAt, state }: CampaignRecord): number {
  if (endedAt !== null) return endedAt;
  const detail = `the campaign is ${state}: there is an outcome once it has ended`;
  throw new ProtocolError("campaign-state", detail, { state });
}

/** The cleansed model, where participants may have it (SPEC A9). */
function sharedStudent(ledger: Ledger): StudentRecord | undefined {
  const { committed, config, state } = ledger.campaign.read();
  if (!config.shareResult || state !== "finished") return undefined;
  return ledger.campaign.committedStudent(committed);
}

/** @throws ProtocolError `campaign-state` before the end. */
export function outcomeOfCampaign(ledger: Ledger): Outcome {
  const campaign = ledger.campaign.read();
  const endedAt = requireEnded(campaign);
  const { committed, config, course, decisions, detail, id, model, state } = campaign;
  const shared = sharedStudent(ledger);
  return {
    campaign: id,
    name: config.name,
    state,
    detail,
    endedAt,
    openUntil: endedAt + OPEN_AFTER_END_MS,
    round: committed,
    rounds: roundCount(config, course),
    ...decisions,
    verdict: campaignVerdict(ledger),
    evidenceGap: evidenceGapOf(ledger, endedAt),
    result: shared === undefined ? null : { model, slices: [...shared.slices] },
  };
}

/** @throws ProtocolError `campaign-state` before the end. */
export function receiptOf(ledger: Ledger, participant: string): Receipt {
  const campaign = ledger.campaign.read();
  requireEnded(campaign);
  const commits = ledger.commits.of(participant).map((own) => {
    const { accepted, attempt, committedAt, request, round, signature, stands, weight } = own;
    const reply = JSON.parse(own.reply) as CommitReply;
    const counted = accepted === 1 && stands === 1;
    return {
      round,
      attempt,
      committedAt,
      counted,
      accepted: accepted === 1,
      detail: reply.verdict === "rejected" ? reply.detail : null,
      weight,
      slices: JSON.parse(own.slices) as string[],
      commit: sha256(utf8ToBytes(request)),
      signature,
      chain: chainAfter(ledger, participant, own) ?? null,
    };
  });
  return { campaign: campaign.id, participant, commits };
}

/** The chain's value after the link that tells what came of a commit: its attempt's, or its rejection's. */
function chainAfter(
  { chain }: Ledger,
  participant: string,
  { accepted, ...own }: OwnCommit,
): string | undefined {
  return accepted === 1 ? chain.valueAfter(own) : chain.valueAfterRejection(own, participant);
}

/**
 * The cleansed model for participants.
 *
 * @throws ProtocolError `campaign-state` before the end, `forbidden` where it is not shared.
 */
export function resultOf(ledger: Ledger): StudentOf {
  const campaign = ledger.campaign.read();
  requireEnded(campaign);
  const student = sharedStudent(ledger);
  if (student !== undefined) return { model: teacherOf(campaign.config), student };
  throw new ProtocolError(
    "forbidden",
    campaign.state === "finished"
      ? "the organiser does not share the cleansed model with participants: ask whoever invited you"
      : `the campaign is ${campaign.state}: there is no cleansed model to share`,
  );
}

/**
 * Refuses a blob that is not this participant's to have (SPEC A5): another campaign's, an update, an
 * optimiser's moments, and after the end all but the model shared.
 *
 * @throws ProtocolError `not-found` in the words of a blob that is nowhere, or `campaign-ended`.
 */
export function requireReadable(ledger: Ledger, digest: string): void {
  const campaign = ledger.campaign.read();
  if (!ledger.campaign.hasBlob(digest)) {
    throw new ProtocolError("not-found", `there is no blob ${digest}`);
  }
  if (sharedStudent(ledger)?.slices.includes(digest) !== true) requireGoingOn(campaign);
}
