import { randomBytes } from "node:crypto";
import {
  CoordinatorClient,
  type Attempt,
} from "../../../client/participant/wire/coordinator-client.ts";
import { parseInviteUrl } from "../../../client/participant/wire/invite-url.ts";
import type { Identity } from "../../../client/participant/wire/identity.ts";
import { systemClock } from "../../../client/participant/ports.ts";
import { signCommit } from "../../../client/participant/wire/sign-commit.ts";
import { makeSigningKey } from "../../../client/participant/wire/signing-key.ts";
import { encodeUpdate, type PendingUpdate } from "../../../client/participant/wire/upload.ts";
import type { UpdateCodec } from "../../../protocol/update/update-codec.ts";
import { smallNumbers, type SmallModel } from "./small-model.ts";

/** One who is enrolled and trains nothing. */
export interface Volunteer {
  readonly id: string;
  readonly campaign: string;
  readonly credential: string;
  readonly identity: Identity;
  readonly client: CoordinatorClient;
}

function clientFor(origin: string, token: string): CoordinatorClient {
  return new CoordinatorClient({ origin, token, fetch, clock: systemClock });
}

/** Enrols with an invite's link. */
export async function enrol(link: string): Promise<Volunteer> {
  const { origin, token } = parseInviteUrl(link);
  const key = await makeSigningKey(false);
  const reply = await clientFor(origin, token).enrol(
    { key: randomBytes(16).toString("hex"), publicKey: key.publicKey, backend: "none" },
    new AbortController().signal,
  );
  const { credential, participant } = reply;
  return {
    id: participant,
    campaign: reply.campaign.id,
    credential,
    identity: { campaign: reply.campaign.id, participant, credential, key },
    client: clientFor(origin, credential),
  };
}

/** The update with its commit signed. */
export async function signed(
  update: PendingUpdate,
  { identity }: Volunteer,
): Promise<PendingUpdate> {
  return { ...update, request: await signCommit(update, identity) };
}

/** An update that a seed decides, running statistics left as they are. */
export function fixedUpdate(
  attempt: Attempt,
  model: SmallModel,
  { codec, seed, examples }: { codec: UpdateCodec; seed: number; examples: number },
): PendingUpdate {
  const { layout } = model;
  const update = smallNumbers(layout.length, 1e-3, seed);
  update.fill(0, layout.trainableLength);
  return encodeUpdate(attempt, update, {
    layout,
    codec,
    seed: Uint8Array.of(seed & 255, (seed >> 8) & 255),
    report: { examples, loss: 1, agreement: 0.5, scores: null, seconds: 1, backend: "none" },
  });
}
