import { AdminClient } from "../../../client/admin/admin-client.ts";
import { parseInviteUrl } from "../../../client/participant/wire/invite-url.ts";
import type { CommitRequest } from "../../../protocol/round/assignment.ts";
import type { CampaignConfigInput } from "../../../protocol/round/campaign-config.ts";
import type { CoordinatorProcess } from "./coordinator-process.ts";
import { smallModel, type SmallModel } from "./small-model.ts";
import { enrol, fixedUpdate, signed, type Volunteer } from "./volunteer.ts";

/** A campaign with everything that a request can name. */
export interface CampaignWorld {
  readonly id: string;
  readonly model: SmallModel;
  readonly config: CampaignConfigInput;
  readonly inviteId: string;
  readonly inviteToken: string;
  readonly volunteers: readonly Volunteer[];
  /** The round that collects; every volunteer has a part in it. */
  readonly attempt: { readonly round: number; readonly attempt: number };
  readonly frames: readonly Buffer[];
  /** Digests that its participants may fetch. */
  readonly blobs: readonly string[];
  /** What closes the update that each volunteer has stored, by its id; signed. */
  readonly commits: ReadonlyMap<string, CommitRequest>;
  /** Objects of the bucket that no route may serve: the volunteers' stored updates. */
  readonly updateDigests: readonly string[];
}

/** What mutated requests are made of. */
export interface World {
  readonly coordinator: CoordinatorProcess;
  readonly admin: AdminClient;
  /** No request with a right token touches it: it must stay as it is, to the last field. */
  readonly victim: CampaignWorld;
  /** Right tokens of its participants and invites are used. */
  readonly own: CampaignWorld;
  /** The administrator's right token changes it at will. */
  readonly spare: CampaignWorld;
}

/** Three campaigns in the middle of their first round. */
export async function makeWorld(coordinator: CoordinatorProcess): Promise<World> {
  const admin = new AdminClient(coordinator.url, coordinator.adminToken);
  return {
    coordinator,
    admin,
    victim: await makeCampaign(admin, { seed: 1, volunteers: 3 }),
    own: await makeCampaign(admin, { seed: 2, volunteers: 40 }),
    spare: await makeCampaign(admin, { seed: 3, volunteers: 2 }),
  };
}

/**
 * A running campaign whose volunteers all hold an assignment and have stored the same slices. Each
 * comes by an invite of its own, as organisations do.
 */
export async function makeCampaign(
  admin: AdminClient,
  { seed, volunteers: count }: { seed: number; volunteers: number },
): Promise<CampaignWorld> {
  const model = smallModel(1, seed);
  const signal = new AbortController().signal;
  await admin.uploadModel({ body: new Blob([model.bytes]), digest: model.digest });
  const config: CampaignConfigInput = {
    name: `campaign ${seed}`,
    model: model.digest,
    preprocessing: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    reinit: { seed: "5a".repeat(32) },
    distillation: { rounds: 2, localSteps: 2, batchSize: 4 },
    // Nothing in it ends by itself.
    round: { goal: 100, overSelection: 2, deadlineSeconds: 86_400 },
    codec: "f32",
  };
  const { id } = await admin.createCampaign(config);
  await admin.act(id, "start");
  const volunteers: Volunteer[] = [];
  const blobs = new Set([model.digest]);
  for (let i = 0; i < count; i++) {
    const volunteer = await enrol((await admin.invite(id, { uses: 1 })).url);
    const reply = await volunteer.client.checkIn({}, signal);
    if (reply.kind !== "assignment") throw new Error(`no assignment but ${reply.kind}`);
    for (const digest of reply.student) blobs.add(digest);
    volunteers.push(volunteer);
  }
  const attempt = { round: 0, attempt: 0 };
  const update = fixedUpdate(attempt, model, { codec: "f32", seed, examples: 8 });
  const commits = new Map<string, CommitRequest>();
  for (const volunteer of volunteers) {
    for (const [index, frame] of update.frames.entries()) {
      const digest = update.request.slices[index]!;
      await volunteer.client.putSlice(attempt, { index, frame, digest }, signal);
    }
    commits.set(volunteer.id, (await signed(update, volunteer)).request);
  }
  const open = await admin.invite(id, { uses: 100_000 });
  return {
    id,
    model,
    config,
    inviteId: open.id,
    inviteToken: parseInviteUrl(open.url).token,
    volunteers,
    attempt,
    commits,
    frames: update.frames.map((frame) => Buffer.from(frame)),
    blobs: [...blobs],
    updateDigests: update.request.slices,
  };
}
