/**
 * `npm run bench:coordinator`: eight updates of an 11.17-million-parameter ResNet-18 through a
 * coordinator in local workerd, as int8 and as float32.
 *
 * Prints wall time per update and per combination, and the most bytes any slice object held at once.
 * The peer, measured in the same run: the same bytes sent to a bare Node server that hashes each body
 * and writes it to disk. Options: --json, --width W, --updates N.
 */
import { createHash, randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { AdminClient } from "../../client/admin/admin-client.ts";
import {
  startCoordinator,
  type Coordinator,
} from "../../client/cli/coordinator/start-coordinator.ts";
import { signCommit } from "../../client/participant/wire/sign-commit.ts";
import { makeSigningKey } from "../../client/participant/wire/signing-key.ts";
import { CoordinatorClient } from "../../client/participant/wire/coordinator-client.ts";
import { parseInviteUrl } from "../../client/participant/wire/invite-url.ts";
import { systemClock } from "../../client/participant/ports.ts";
import { deliver, encodeUpdate, type PendingUpdate } from "../../client/participant/wire/upload.ts";
import { sha256 } from "../../protocol/digest.ts";
import { resnet18 } from "../../protocol/model/architectures/resnet18.ts";
import { stateLayout } from "../../protocol/model/state-layout.ts";
import type { UpdateCodec } from "../../protocol/update/update-codec.ts";
import { writeSafetensors } from "../../protocol/formats/safetensors/writer.ts";

interface Row {
  readonly codec: UpdateCodec;
  readonly updates: number;
  readonly bytesPerUpdate: number;
  /** Mean wall time of one update: ask, send all slices, commit. */
  readonly secondsPerUpdate: number;
  /** The same bytes to the bare server. */
  readonly peerSecondsPerUpdate: number;
  readonly ratioToPeer: number;
  /** From the last commit to the committed round. */
  readonly combineSeconds: number;
  readonly peakSliceBytes: number;
}

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    width: { type: "string", default: "64" },
    updates: { type: "string", default: "8" },
  },
});
const width = Number(options.width);
const updates = Number(options.updates);
const signal = new AbortController().signal;
const note = (line: string): void => void process.stderr.write(`${line}\n`);

const graph = resnet18({ width, classes: 10 });
const layout = stateLayout(graph);
const model = randomModel();

const coordinator = await startCoordinator({ report: () => {} });
const rows: Row[] = [];
try {
  for (const codec of ["int8", "f32"] as const) rows.push(await measure(coordinator, codec));
} finally {
  await coordinator.stop();
}

const machine = `${cpus()[0]?.model ?? "unknown processor"}, ${cpus().length} cores, Node ${process.version}`;
if (options.json) {
  console.log(JSON.stringify({ machine, width, parameters: layout.trainableLength, rows }));
} else {
  console.log(
    `ResNet-18 width ${width}: ${layout.trainableLength} trainable values, ${layout.slices.length} slices`,
  );
  console.log(`${machine}; ${updates} updates a codec, one after another over loopback\n`);
  console.log("codec   MB/update   s/update   × bare server   combine s   peak MiB a slice object");
  for (const row of rows) {
    console.log(
      [
        row.codec.padEnd(5),
        (row.bytesPerUpdate / 1e6).toFixed(2).padStart(11),
        row.secondsPerUpdate.toFixed(2).padStart(10),
        row.ratioToPeer.toFixed(1).padStart(15),
        row.combineSeconds.toFixed(2).padStart(11),
        (row.peakSliceBytes / 2 ** 20).toFixed(1).padStart(25),
      ].join(" "),
    );
  }
}

/** A model file with small arbitrary weights: speed does not depend on their values. */
function randomModel(): Uint8Array<ArrayBuffer> {
  return writeSafetensors(
    graph.parameters.map(({ name, role, shape }) => {
      const size = shape.reduce((product, extent) => product * extent, 1);
      const bytes = randomBytes(2 * size);
      const values = Float32Array.from({ length: size }, (_, i) =>
        role === "running-variance" ? 1 : (bytes.readUInt16LE(2 * i) / 65_536 - 0.5) * 0.1,
      );
      return { name, dtype: "F32" as const, shape, values };
    }),
  );
}

async function measure({ url, adminToken }: Coordinator, codec: UpdateCodec): Promise<Row> {
  const admin = new AdminClient(url, adminToken);
  const digest = sha256(model);
  await admin.uploadModel({ body: new Blob([model]), digest });
  const campaign = await admin.createCampaign({
    name: `bench ${codec}`,
    model: digest,
    preprocessing: { mean: [0, 0, 0], std: [1, 1, 1] },
    distillation: { rounds: 1, localSteps: 2 },
    round: { goal: updates, overSelection: 1 },
    codec,
  });
  await admin.act(campaign.id, "start");
  const invite = await admin.invite(campaign.id, { uses: updates, places: updates });
  const { origin, token } = parseInviteUrl(invite.url);
  const open = (bearer: string): CoordinatorClient =>
    new CoordinatorClient({ origin, token: bearer, fetch, clock: systemClock });

  let seconds = 0;
  let peerSeconds = 0;
  let bytesPerUpdate = 0;
  for (let i = 0; i < updates; i++) {
    const key = await makeSigningKey(false);
    const enrolled = await open(token).enrol({ publicKey: key.publicKey }, signal);
    const { credential, participant } = enrolled;
    const client = open(credential);
    const assignment = await client.checkIn({}, signal);
    if (assignment.kind !== "assignment") throw new Error(`no assignment: ${assignment.kind}`);
    const update = encodeUpdate(assignment, randomUpdate(), {
      layout,
      codec,
      seed: randomBytes(32),
      report: {
        examples: 128,
        loss: 1,
        agreement: 0.5,
        scores: null,
        seconds: 1,
        backend: "bench",
      },
    });
    const request = await signCommit(update, {
      campaign: campaign.id,
      participant,
      credential,
      key,
    });
    bytesPerUpdate = update.frames.reduce((sum, frame) => sum + frame.length, 0);
    peerSeconds += await sendToBareServer(update);
    const begin = performance.now();
    const verdict = await deliver(
      { ...update, request },
      {
        client,
        signal,
        clock: systemClock,
        random: Math.random,
        beforeSlice: () => Promise.resolve(),
        onStored: () => {},
      },
    );
    seconds += (performance.now() - begin) / 1000;
    if (verdict.verdict !== "accepted") throw new Error(verdict.detail);
    note(`${codec}: update ${i + 1} of ${updates}`);
  }

  const begin = performance.now();
  while ((await admin.campaign(campaign.id)).round === 0) await delay(20);
  const combineSeconds = (performance.now() - begin) / 1000;
  const { peakSliceBytes } = await admin.metrics(campaign.id);
  return {
    codec,
    updates,
    bytesPerUpdate,
    secondsPerUpdate: seconds / updates,
    peerSecondsPerUpdate: peerSeconds / updates,
    ratioToPeer: seconds / peerSeconds,
    combineSeconds,
    peakSliceBytes,
  };
}

function randomUpdate(): Float32Array {
  const bytes = randomBytes(2 * layout.length);
  const isStatistic = (i: number): boolean => i >= layout.trainableLength;
  return Float32Array.from({ length: layout.length }, (_, i) =>
    isStatistic(i) ? 0 : (bytes.readUInt16LE(2 * i) / 65_536 - 0.5) * 1e-3,
  );
}

/** Wall time of the same frames to a server that hashes each body and writes it to disk. */
async function sendToBareServer(update: PendingUpdate): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "scour-bench-"));
  const server = createServer((request, response) => {
    const hash = createHash("sha256");
    request.on("data", (chunk: Buffer) => hash.update(chunk));
    void pipeline(request, createWriteStream(join(folder, `${request.url!.slice(1)}.frame`))).then(
      () => response.end(hash.digest("hex")),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const begin = performance.now();
  for (const [index, body] of update.frames.entries()) {
    const response = await fetch(`http://127.0.0.1:${port}/${index}`, { method: "PUT", body });
    await response.text();
  }
  const seconds = (performance.now() - begin) / 1000;
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
  return seconds;
}
