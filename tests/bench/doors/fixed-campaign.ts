import { createHash } from "node:crypto";
import { AdminClient } from "../../../client/admin/admin-client.ts";
import type { CoordinatorProcess } from "./coordinator-process.ts";
import { participate } from "./fixed-participant.ts";
import { smallModel } from "./small-model.ts";
import { enrol, type Volunteer } from "./volunteer.ts";

const PARTICIPANTS = 3;
const ROUNDS = 6;
const LOCAL_STEPS = 2;
const BATCH = 4;
const EXAMPLES = LOCAL_STEPS * BATCH;

/** What a campaign came to; equal for equal updates, whatever was killed meanwhile. */
export interface CampaignOutcome {
  readonly state: string;
  /** SHA-256 of the exported student of each training round. */
  readonly students: readonly string[];
  /** Of each attempt: round, attempt, state, accepted updates, examples. */
  readonly attempts: readonly (readonly [number, number, string, number, number])[];
  /** Of each participant, in order of rank. */
  readonly participants: readonly { accepted: number; rejected: number; uploadedBytes: number }[];
  readonly invitesUsed: number;
}

/**
 * Runs a campaign of participants with fixed updates to its end.
 *
 * @param disturb is called once all have enrolled and is awaited after the end
 */
export async function fixedCampaign(
  { adminToken, url }: Pick<CoordinatorProcess, "adminToken" | "url">,
  disturb: (until: Promise<unknown>) => Promise<void>,
): Promise<CampaignOutcome> {
  const admin = new AdminClient(url, adminToken);
  const model = smallModel(16, 5);
  await admin.uploadModel({ body: new Blob([model.bytes]), digest: model.digest });
  const { id } = await admin.createCampaign({
    model: model.digest,
    preprocessing: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    reinit: { seed: "5a".repeat(32) },
    distillation: { rounds: ROUNDS, localSteps: LOCAL_STEPS, batchSize: BATCH },
    judging: { regrowth: null, stopping: null },
    round: { goal: PARTICIPANTS, minimum: PARTICIPANTS, overSelection: 1, deadlineSeconds: 86_400 },
    aggregation: {
      rule: { kind: "norm-clipped-mean", clipNorm: 0.2 },
      server: { kind: "adam" },
    },
    codec: "int8",
  });
  const volunteers: Volunteer[] = [];
  for (let i = 0; i < PARTICIPANTS; i++) {
    volunteers.push(await enrol((await admin.invite(id, { uses: 1 })).url));
  }
  // Sums are taken in ascending order of ids (SPEC R8): who is who must not depend on chance.
  volunteers.sort((a, b) => (a.id < b.id ? -1 : 1));
  await admin.act(id, "start");

  const taken = Promise.all(
    volunteers.map((volunteer, rank) =>
      participate(volunteer, { rank, model, examples: EXAMPLES }),
    ),
  );
  await disturb(taken);
  await taken;

  const participants = new Map((await admin.participants(id)).map((one) => [one.id, one]));
  const students: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const hash = createHash("sha256");
    for await (const chunk of await admin.export(id, round)) hash.update(chunk);
    students.push(hash.digest("hex"));
  }
  return {
    state: (await admin.campaign(id)).state,
    students,
    attempts: (await admin.rounds(id)).map(({ round, attempt, state, accepted, examples }) => [
      round,
      attempt,
      state,
      accepted,
      examples,
    ]),
    participants: volunteers.map((volunteer) => {
      const { updatesAccepted, updatesRejected, uploadedBytes } = participants.get(volunteer.id)!;
      return { accepted: updatesAccepted, rejected: updatesRejected, uploadedBytes };
    }),
    invitesUsed: (await admin.invites(id)).reduce((sum, { used }) => sum + used, 0),
  };
}
