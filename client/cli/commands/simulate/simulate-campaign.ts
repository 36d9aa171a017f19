import {
  campaignConfigSchema,
  robustMinimum,
  type CampaignConfigInput,
} from "../../../../protocol/round/campaign-config.ts";
import { heldOutCount, participantGap } from "../../../../protocol/round/evidence.ts";
import { LEAST_STATISTICS_IMAGES } from "../../../../protocol/reinit/strategy-schema.ts";
import type { CampaignReport, RoundReport } from "../../../../protocol/round/reports.ts";
import { imagesToMeasure, measuredImages } from "../../../../protocol/round/statistics-round.ts";
import { AdminClient } from "../../../admin/admin-client.ts";
import type { ModelUpload } from "../../../admin/upload-model.ts";
import {
  runParticipants,
  type SimulatedParticipants,
} from "../../../simulation/run-participants.ts";
import { exportModel, type ExportedFile } from "../campaign/export.ts";
import { CommandError } from "../../command-error.ts";
import { startCoordinator } from "../../coordinator/start-coordinator.ts";
import { workNotes } from "../../show/participant-progress.ts";
import { followRounds } from "../../show/round-progress.ts";

export interface SimulatedCampaign extends Omit<SimulatedParticipants, "invite"> {
  /** The teacher's file, whose digest `config` names. */
  readonly upload: ModelUpload;
  readonly config: CampaignConfigInput;
  /** File of the cleansed model. */
  readonly out: string;
  /** Whether weights that its file stores as less are to be float32 (SPEC W7.3). */
  readonly isFloat32?: boolean;
  /** Folder of the coordinator's state; without one it goes with the campaign. */
  readonly state?: string | undefined;
  readonly note: (line: string) => void;
}

export interface SimulationResult {
  readonly exported: ExportedFile;
  readonly report: CampaignReport;
  /** Committed rounds, in order. */
  readonly rounds: readonly RoundReport[];
}

/**
 * A whole campaign in this process: a coordinator in workerd, a participant for each share, and
 * everything between them over HTTP as between machines.
 *
 * @throws CommandError when it could never be measured, was stopped, aborted or paused itself; what a participant threw.
 *
 * @example
 * const { report, rounds } = await simulateCampaign({
 *   upload, config, shares, engine, random, out: "cleansed.safetensors", stop, note,
 * });
 */
export async function simulateCampaign({
  upload,
  config,
  out,
  isFloat32 = false,
  state,
  note,
  stop,
  ...participants
}: SimulatedCampaign): Promise<SimulationResult> {
  requireMeasurable(config, participants.shares);
  requireScorable(config, participants.shares);
  const [smallest] = participants.shares.toSorted((a, b) => a.count - b.count);
  const gap = participantGap(smallest?.count ?? 0, campaignConfigSchema.parse(config).judging);
  if (gap !== undefined) note(`evidence: ${gap}.`);
  const coordinator = await startCoordinator({
    ...(state === undefined ? {} : { stateDir: state }),
    report: note,
  });
  try {
    const admin = new AdminClient(coordinator.url, coordinator.adminToken);
    await admin.uploadModel(upload);
    const { id } = await admin.createCampaign(config);
    const { url: invite } = await admin.invite(id, {
      uses: participants.shares.length,
      places: participants.shares.length,
    });
    await admin.act(id, "start");
    const finished = new AbortController();
    const ending = AbortSignal.any([stop, finished.signal]);
    const taking = runParticipants({
      onMisfit: (label, { detail }) =>
        note(`${label}: its images do not fit the model: ${detail}.`),
      onStatus: workNotes(note),
      ...participants,
      invite,
      stop: ending,
    });
    const following = followRounds(admin, id, { stop: ending, note });
    let rounds: readonly RoundReport[];
    try {
      // Participants end with the campaign; before that only by failing.
      rounds = await Promise.race([following, taking.then(() => following)]);
    } finally {
      finished.abort();
      await taking.catch(() => {});
    }
    const exported = await exportModel(admin, id, out, { isFloat32 });
    return { exported, report: await admin.campaign(id), rounds };
  } finally {
    await coordinator.stop();
  }
}

/** Nobody else will come: a statistics round that these participants cannot end would never end. */
function requireMeasurable(
  input: CampaignConfigInput,
  shares: SimulatedParticipants["shares"],
): void {
  const config = campaignConfigSchema.parse(input);
  if (measuredImages(config) === 0) return;
  const able = shares.filter(
    ({ count }) => imagesToMeasure(config, count - heldOutCount(count, config.judging)) > 0,
  ).length;
  if (able >= config.round.goal) return;
  throw new CommandError(
    `${able} of ${shares.length} participants train on ${LEAST_STATISTICS_IMAGES} images or more, which a statistics round measures; it takes ${config.round.goal}`,
    "Give more images, or fewer participants.",
  );
}

/** Likewise probes that too few could score, found before they are trained. */
function requireScorable(
  input: CampaignConfigInput,
  shares: SimulatedParticipants["shares"],
): void {
  const { judging, reinit, round } = campaignConfigSchema.parse(input);
  if (reinit.strength !== "auto") return;
  const able = shares.filter(({ count }) => heldOutCount(count, judging) > 0).length;
  const fewest = robustMinimum(round);
  if (able >= fewest) return;
  throw new CommandError(
    `${able} of ${shares.length} participants have images enough to hold some out and score probes with them; a choice takes ${fewest}`,
    "Give more images, or a strength instead of auto.",
  );
}
