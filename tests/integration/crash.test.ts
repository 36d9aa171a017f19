import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { AdminClient } from "../../client/admin/admin-client.ts";
import { signCommit } from "../../client/participant/wire/sign-commit.ts";
import { makeSigningKey } from "../../client/participant/wire/signing-key.ts";
import { CoordinatorClient } from "../../client/participant/wire/coordinator-client.ts";
import { parseInviteUrl } from "../../client/participant/wire/invite-url.ts";
import { systemClock, type Clock } from "../../client/participant/ports.ts";
import { deliver, encodeUpdate } from "../../client/participant/wire/upload.ts";
import { sha256 } from "../../protocol/digest.ts";
import { resnet18 } from "../../protocol/model/architectures/resnet18.ts";
import { sizeOf } from "../../protocol/model/graph.ts";
import { stateLayout } from "../../protocol/model/state-layout.ts";
import type { CampaignConfigInput } from "../../protocol/round/campaign-config.ts";
import { writeSafetensors } from "../../protocol/formats/safetensors/writer.ts";
import { FAR_DEADLINE_SECONDS } from "../patience.ts";
import {
  freePort,
  startScour,
  startServe,
  temporaryDirectory,
  until,
  type ServeProcess,
} from "./processes.ts";

/** The coordinator process is killed outright at the worst moments (SPEC R3). */

const FIXTURE = new URL("../fixtures/golden-w4/", import.meta.url);
const PREPROCESSING = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };

/** Gives up a request after minutes, where participants do after half of one and ask again. */
const PATIENT: Clock = {
  now: () => systemClock.now(),
  sleep: (ms, signal) => systemClock.sleep(20 * ms, signal),
};

async function kill(serve: ServeProcess): Promise<void> {
  serve.child.kill("SIGKILL");
  await serve.ended;
}

async function campaignOf(
  serve: ServeProcess,
  file: Uint8Array<ArrayBuffer>,
  config: Omit<CampaignConfigInput, "model" | "preprocessing">,
): Promise<{ admin: AdminClient; id: string; invite: string }> {
  const admin = new AdminClient(serve.url, serve.adminToken);
  const model = sha256(file);
  await admin.uploadModel({ body: new Blob([file]), digest: model });
  const { id } = await admin.createCampaign({ model, preprocessing: PREPROCESSING, ...config });
  const { url } = await admin.invite(id, { uses: 2, places: 2 });
  await admin.act(id, "start");
  return { admin, id, invite: url };
}

describe("[R3] a coordinator killed outright", () => {
  it("while a round collects: participants come back by themselves, nothing is counted twice", async () => {
    const stateDir = await temporaryDirectory();
    const port = await freePort();
    const first = await startServe({ stateDir, port });
    const [rounds, localSteps, batchSize] = [3, 4, 8];
    const file = new Uint8Array(await readFile(new URL("teacher.safetensors", FIXTURE)));
    const { admin, id, invite } = await campaignOf(first, file, {
      distillation: { rounds, localSteps, batchSize, adversary: null },
      judging: { ascents: 1 },
      round: { goal: 2, minimum: 2, deadlineSeconds: FAR_DEADLINE_SECONDS },
    });
    const images = fileURLToPath(new URL("images.bin", FIXTURE));
    const joinCampaign = (): ReturnType<typeof startScour> =>
      startScour(["join", invite, "--images", images, "--backend", "wasm"]);
    const early = joinCampaign();
    const oneIsIn = async (): Promise<boolean> => {
      const { current } = await admin.campaign(id);
      return current?.round === 0 && current.accepted === 1;
    };
    await until("one update of round 0 is in", oneIsIn, [first, early]);
    await kill(first);
    const late = joinCampaign();

    await startServe({ stateDir, port });
    expect(await early.ended, early.stderr()).toBe(0);
    expect(await late.ended, late.stderr()).toBe(0);

    expect(await admin.campaign(id)).toMatchObject({ state: "finished", round: rounds + 1 });
    const committed = (await admin.rounds(id)).filter(({ state }) => state === "committed");
    expect(committed.map(({ round, accepted, examples }) => [round, accepted, examples])).toEqual([
      ...Array.from({ length: rounds }, (_, round) => [round, 2, 2 * localSteps * batchSize]),
      [rounds, 2, 0],
    ]);
    const participants = await admin.participants(id);
    // The judging round counts, too.
    expect(participants.map(({ updatesAccepted }) => updatesAccepted)).toEqual([
      rounds + 1,
      rounds + 1,
    ]);
  });

  it("while it combines: the round is combined once, to the bits of an undisturbed run", async () => {
    const place = { stateDir: join(await temporaryDirectory(), "state"), port: await freePort() };
    let serve = await startServe(place);
    const undisturbed = await combineTwo(serve, () => Promise.resolve(false));
    // Combining takes a fraction of a second: when it was over before the kill, once more.
    for (let wasHit = false; !wasHit;) {
      const disturbed = await combineTwo(serve, async ({ admin, id }) => {
        for (;;) {
          const { current, round } = await admin.campaign(id);
          if (round > 0) return false;
          if (current?.state !== "combining") continue;
          await kill(serve);
          serve = await startServe(place);
          return true;
        }
      });
      expect(disturbed.outcome).toEqual(undisturbed.outcome);
      wasHit = disturbed.seen;
    }
  });
});

interface Combining {
  readonly admin: AdminClient;
  readonly id: string;
}

/**
 * One round of two fixed updates of a 2.8-million-value model.
 *
 * @param disturb goes on beside the last update's way in, which goes on after a kill
 * @returns the digest of the result and what the round counted; and what `disturb` gave.
 */
async function combineTwo(
  serve: ServeProcess,
  disturb: (combining: Combining) => Promise<boolean>,
): Promise<{ outcome: unknown; seen: boolean }> {
  const graph = resnet18({ width: 32, classes: 10 });
  const layout = stateLayout(graph);
  const file = writeSafetensors(
    graph.parameters.map(({ name, role, shape }) => {
      const values = pattern(sizeOf(shape), 0.1);
      if (role === "running-variance") values.fill(1);
      return { name, dtype: "F32", shape, values };
    }),
  );
  const { admin, id, invite } = await campaignOf(serve, file, {
    reinit: { seed: "5a".repeat(32) },
    distillation: { rounds: 1, localSteps: 2 },
    round: { goal: 2, deadlineSeconds: FAR_DEADLINE_SECONDS },
    codec: "f32",
    aggregation: { server: { kind: "adam" } },
  });

  let disturbing: Promise<boolean> | undefined;
  const { signal } = new AbortController();
  const { origin, token } = parseInviteUrl(invite);
  const open = (bearer: string): CoordinatorClient =>
    new CoordinatorClient({ origin, token: bearer, fetch, clock: PATIENT });
  const scales = [1e-3, 2e-3];
  for (const scale of scales) {
    const key = await makeSigningKey(false);
    const enrolled = await open(token).enrol({ publicKey: key.publicKey }, signal);
    const { credential, participant } = enrolled;
    const client = open(credential);
    const assignment = await client.checkIn({}, signal);
    if (assignment.kind !== "assignment") throw new Error(`no assignment: ${assignment.kind}`);
    const update = pattern(layout.length, scale);
    update.fill(0, layout.trainableLength);
    const pending = encodeUpdate(assignment, update, {
      layout,
      codec: "f32",
      seed: new Uint8Array(32),
      report: { examples: 64, loss: 1, agreement: 0.5, scores: null, seconds: 1, backend: "test" },
    });
    const request = await signCommit(pending, { campaign: id, participant, credential, key });
    if (scale === scales.at(-1)) disturbing = disturb({ admin, id });
    const verdict = await deliver(
      { ...pending, request },
      {
        client,
        signal,
        clock: systemClock,
        random: Math.random,
        beforeSlice: () => Promise.resolve(),
        onStored: () => {},
      },
    );
    expect(verdict.verdict).toBe("accepted");
  }

  const seen = await disturbing!;
  await until("the round is committed", async () => (await admin.campaign(id)).round === 1);
  const [round] = await admin.rounds(id);
  const result = new Uint8Array(await new Response(await admin.export(id)).arrayBuffer());
  const { accepted, examples } = round ?? {};
  return { outcome: { digest: sha256(result), accepted, examples }, seen };
}

/** Small numbers without a period that matters: a linear congruential sequence. */
function pattern(length: number, scale: number): Float32Array<ArrayBuffer> {
  let state = 12_345;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state / 2 ** 32 - 0.5) * scale;
  });
}
