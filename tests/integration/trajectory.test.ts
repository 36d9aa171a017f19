import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { AdminClient } from "../../client/admin/admin-client.ts";
import {
  startCoordinator,
  type Coordinator,
} from "../../client/cli/coordinator/start-coordinator.ts";
import { startHelper, type Helper } from "../../client/cli/helper/start-helper.ts";
import { augmentedBatch } from "../../client/distil/augment.ts";
import { ShuffledBatches } from "../../client/distil/batches.ts";
import { drawRestart, engineAdversary } from "../../client/distil/perturbation.ts";
import { drawField, drawPattern } from "../../client/distil/pattern.ts";
import { NO_WEAKNESSES, WeaknessSearch } from "../../client/distil/weaknesses.ts";
import { holdOut } from "../../client/distil/hold-out.ts";
import { RandomStream } from "../../protocol/random/random-stream.ts";
import { adversarySchema } from "../../protocol/round/adversary.ts";
import { learningRateAt, temperatureAt, warmUpAt } from "../../protocol/round/schedule.ts";
import type { Engine } from "../../client/engine/engine.ts";
import { nodeEnvironment } from "../../client/engine/opening/node-environment.ts";
import { openEngine } from "../../client/engine/opening/open-engine.ts";
import { loadImages } from "../../client/images/load-node.ts";
import { squashedTo } from "../../client/images/prepare-image.ts";
import { engineTrainers } from "../../client/participant/open-engine-trainer.ts";
import { Participant } from "../../client/participant/participant.ts";
import { makeSigningKey, signBytes } from "../../client/participant/wire/signing-key.ts";
import { sha256 } from "../../protocol/digest.ts";
import { vouchBytes } from "../../protocol/privacy/identities/organisation.ts";
import { entryView } from "../../protocol/model/state-layout.ts";
import { relativeError } from "../../scripts/golden/reproduce.ts";
import { importModel } from "../../protocol/formats/import-model.ts";
import { FAR_DEADLINE_SECONDS } from "../patience.ts";
import { ScriptedTraining } from "../unit/participant/scripted-training.ts";
import { temporaryDirectory } from "./processes.ts";

const FIXTURE = new URL("../fixtures/golden-w4/", import.meta.url);
const STEPS = 6;
const BATCH = 8;
const SEED = Uint8Array.from({ length: 16 }, (_, i) => 7 * i + 1);
const SETTINGS = { learningRate: 0.05, momentum: 0.9, weightDecay: 5e-4 };
const WARM_UP = 0.5;
const TEMPERATURE = { from: 1, to: 4 };
const AUGMENTATION = { cropPadding: 2, horizontalFlip: true };
/** What is sought in the teacher is sought for as short a time as there is. */
const ADVERSARY = adversarySchema.parse({
  restartEvery: 4,
  waves: { periods: 3 },
  heatMap: { images: 2 },
  shortcuts: { classes: 1, ascents: 1, images: 4 },
  bends: { classes: 1, ascents: 1, images: 4 },
});
const PREPROCESSING = { mean: [0.49, 0.48, 0.45], std: [0.25, 0.24, 0.26] };

/** So few images that none is held out. */
const JUDGING = { heldOut: 0.1, images: 64 };

let coordinator: Coordinator;
let engine: Engine;

beforeAll(async () => {
  coordinator = await startCoordinator({ report: () => {} });
  engine = await openEngine({ backend: "wasm", environment: nodeEnvironment() });
});

afterAll(async () => {
  await engine.close();
  await coordinator.stop();
});

const CASES = [
  // The server's optimiser takes the steps, with its own momentum.
  {
    rule: "[D4][O2][O3]",
    localSteps: 1,
    serverMomentum: SETTINGS.momentum,
    adversary: null,
    regularisers: {},
  },
  // The participant's does, and keeps its velocity from round to round.
  { rule: "[D3][D4]", localSteps: 2, serverMomentum: 0, adversary: null, regularisers: {} },
  { rule: "[D3][D4]", localSteps: 3, serverMomentum: 0, adversary: null, regularisers: {} },
  // The perturbation, too, lives on from round to round; it is drawn anew at steps 0 and 4.
  {
    rule: "[D3][D4][D9]",
    localSteps: 2,
    serverMomentum: 0,
    adversary: ADVERSARY,
    regularisers: {},
  },
  {
    rule: "[D3][D4][D10][D11]",
    localSteps: 2,
    serverMomentum: 0,
    adversary: null,
    regularisers: { sharpness: { rho: 0.1 }, headShift: { weight: 0.1 } },
  },
];

it.each(CASES)(
  "$rule one participant with K = $localSteps, f32, server momentum $serverMomentum, adversary $adversary and $regularisers follows centralised training",
  async ({ adversary, localSteps, regularisers, serverMomentum }) => {
    const file = await readFile(new URL("teacher.safetensors", FIXTURE));
    const { graph, layout, state: teacher } = await importModel(file);
    const images = await loadImages(
      new URL("images.bin", FIXTURE).pathname,
      squashedTo(graph.inputShape),
    );

    const admin = new AdminClient(coordinator.url, coordinator.adminToken);
    const model = sha256(file);
    await admin.uploadModel({ body: new Blob([file]), digest: model });
    const { id } = await admin.createCampaign({
      name: "centralised equivalent",
      model,
      preprocessing: PREPROCESSING,
      // Fixed: from another student₀, a rectifier at its threshold may tip the other way.
      reinit: { strength: 1, seed: "c3".repeat(32) },
      distillation: {
        rounds: STEPS / localSteps,
        localSteps,
        batchSize: BATCH,
        ...SETTINGS,
        warmUp: WARM_UP,
        temperature: TEMPERATURE,
        augmentation: AUGMENTATION,
        adversary,
        ...regularisers,
      },
      round: { goal: 1, deadlineSeconds: FAR_DEADLINE_SECONDS },
      aggregation: { server: { kind: "sgd", momentum: serverMomentum } },
      codec: "f32",
    });
    const { url } = await admin.invite(id, { uses: 1 });
    await admin.act(id, "start");
    const participant = new Participant({
      invite: url,
      training: engineTrainers({ engine, images, seed: SEED }),
    });
    expect((await participant.run()).kind).toBe("finished");
    const exported = async (round: number): Promise<Float32Array> =>
      (
        await importModel(
          new Uint8Array(await new Response(await admin.export(id, round)).arrayBuffer()),
        )
      ).state;
    const federated = await exported(STEPS / localSteps);
    const student0 = await exported(0);

    // The same steps without a coordinator: one session, one optimiser, the same draws.
    const random = new RandomStream(SEED);
    const { training: indices } = holdOut(images.count, JUDGING, random);
    expect(indices).toHaveLength(images.count);
    const batches = new ShuffledBatches(indices, random);
    const session = engine.openSession({ graph, layout, teacher });
    const pool = { images, indices, normalisation: PREPROCESSING, batchSize: BATCH };
    const weaknesses = adversary
      ? await new WeaknessSearch(session, pool, adversary, graph.classes).find()
      : NO_WEAKNESSES;
    session.load(student0);
    const plain = adversary === null ? undefined : engineAdversary(adversary, images);
    for (let step = 0; step < STEPS; step++) {
      const progress = { step, totalSteps: STEPS };
      const batch = await augmentedBatch(
        images,
        batches.next(BATCH),
        PREPROCESSING,
        AUGMENTATION,
        random,
      );
      await session.step(batch, {
        ...SETTINGS,
        learningRate: warmUpAt(progress, WARM_UP) * learningRateAt(progress, SETTINGS.learningRate),
        temperature: temperatureAt(progress, TEMPERATURE),
        ...regularisers,
        adversary: plain && {
          ...plain,
          restart: step % 4 === 0 ? drawRestart(images, plain, random) : undefined,
          pattern: drawPattern(images, adversary!, weaknesses, random),
          field: drawField(adversary!, weaknesses, random),
        },
      });
    }
    const { state: centralised } = await session.read();
    session.close();

    expect(relativeError(centralised, student0), "training went somewhere").toBeGreaterThan(1e-2);
    for (const entry of layout.entries) {
      const error = relativeError(entryView(federated, entry), entryView(centralised, entry));
      expect(error, entry.name).toBeLessThan(1e-4);
    }
  },
);

it("[M9] [M9.8] a private campaign comes to the mean of what its participants trained, though its helper restarts", async () => {
  const stateDir = await temporaryDirectory();
  const startAt = (port: number): Promise<Helper> =>
    startHelper({
      host: "127.0.0.1",
      port,
      stateDir,
      trustedProxies: [],
      key: undefined,
      report: () => {},
    });
  let helper = await startAt(0);
  onTestFinished(() => helper.stop());
  const { publicKey: key, url } = helper;
  const organisations = [await makeSigningKey(false), await makeSigningKey(false)];
  const admin = new AdminClient(coordinator.url, coordinator.adminToken);
  const file = new Uint8Array(await readFile(new URL("teacher.safetensors", FIXTURE)));
  await admin.uploadModel({ body: new Blob([file]), digest: sha256(file) });
  const { id } = await admin.createCampaign({
    model: sha256(file),
    preprocessing: PREPROCESSING,
    fit: null,
    distillation: { rounds: 2, localSteps: 2, batchSize: BATCH, adversary: null },
    round: { goal: 3, minimum: 3, deadlineSeconds: FAR_DEADLINE_SECONDS },
    aggregation: { rule: { kind: "mean" } },
    codec: "f32",
    privacy: {
      helper: { url, key },
      organisations: organisations.map(({ publicKey }) => publicKey).sort(),
      clipNorm: 1000,
    },
  });
  const { url: invite } = await admin.invite(id, { uses: 4, places: 4 });
  await admin.act(id, "start");
  const stranger = new Participant({ invite, training: new ScriptedTraining() });
  await expect(stranger.run()).rejects.toThrow(/nobody vouches/);
  let restarted: Promise<void> | undefined;
  const restart = async (): Promise<void> => {
    await helper.stop();
    helper = await startAt(Number(new URL(url).port));
  };
  const changes = [0.01, 0.02, 0.06];
  const participants = changes.map((change, i) => {
    const training = new ScriptedTraining(change);
    training.scores = null;
    training.onStep = async (step) => {
      if (step > 2) await (restarted ??= restart());
    };
    return new Participant({
      invite,
      training,
      voucher: async (campaign, device) => ({
        organisation: organisations[i % 2]!.publicKey,
        vouch: await signBytes(organisations[i % 2]!, vouchBytes(campaign, device)),
      }),
    });
  });
  const last = await Promise.all(participants.map((participant) => participant.run()));
  expect(last.map(({ kind }) => kind)).toEqual(["finished", "finished", "finished"]);
  const trained = (await admin.rounds(id)).filter(({ judging }) => !judging);
  expect(trained.map(({ opened }) => opened)).toEqual(
    [0, 1].map(() => ({
      participants: 3,
      loss: expect.closeTo(0.25, 4),
      agreement: expect.closeTo(0.75, 6),
      cut: { trainable: 0, statistics: 0 },
    })),
  );
  const states = await Promise.all(
    [0, 2].map(async (round) => {
      const exported = await new Response(await admin.export(id, round)).arrayBuffer();
      return await importModel(new Uint8Array(exported));
    }),
  );
  const [before, after] = states.map(({ state }) => state);
  const { layout } = states[0]!;
  const came = before!.subarray(0, layout.trainableLength).map((value, i) => value - after![i]!);
  // Of both rounds the mean of what is trained, to what fixed point leaves of it.
  for (const value of [Math.min(...came), Math.max(...came)]) expect(value).toBeCloseTo(0.06, 1);
  expect(came.reduce((sum, value) => sum + value, 0) / came.length).toBeCloseTo(0.06, 3);
});
