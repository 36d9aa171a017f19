import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { AdminClient } from "../../../client/admin/admin-client.ts";
import { sha256 } from "../../../protocol/digest.ts";
import { startScourProcess, type CoordinatorProcess } from "./coordinator-process.ts";

const FIXTURE = new URL("../../fixtures/golden-w4/", import.meta.url);
const PARTICIPANTS = 3;
const ROUNDS = 6;
const LOCAL_STEPS = 18;
const BATCH = 8;

/** A campaign of real participants, processes that train and keep who they are in a file. */
export async function joinedCampaign(
  { adminToken, stateDir, url }: CoordinatorProcess,
  disturb: (until: Promise<unknown>) => Promise<void>,
): Promise<{ isGood: boolean; text: string }> {
  const admin = new AdminClient(url, adminToken);
  const file = new Uint8Array(await readFile(new URL("teacher.safetensors", FIXTURE)));
  const model = sha256(file);
  await admin.uploadModel({ body: new Blob([file]), digest: model });
  const { id } = await admin.createCampaign({
    model,
    preprocessing: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    distillation: { rounds: ROUNDS, localSteps: LOCAL_STEPS, batchSize: BATCH },
    judging: { regrowth: null, stopping: null },
    round: { goal: PARTICIPANTS, minimum: PARTICIPANTS, overSelection: 1, deadlineSeconds: 86_400 },
  });
  await admin.act(id, "start");
  const images = fileURLToPath(new URL("images.bin", FIXTURE));
  const processes = [];
  for (let i = 0; i < PARTICIPANTS; i++) {
    const { url: invite } = await admin.invite(id, { uses: 1 });
    processes.push(
      startScourProcess([
        "join",
        invite,
        "--images",
        images,
        "--identity",
        join(stateDir, `identity-${i}.json`),
        "--backend",
        "wasm",
        "--threads",
        "1",
      ]),
    );
  }
  const ended = Promise.all(processes.map((one) => one.ended));
  try {
    await disturb(ended);
    const codes = await ended;
    const { state } = await admin.campaign(id);
    const committed = (await admin.rounds(id)).filter((round) => round.state === "committed");
    const expected = PARTICIPANTS * LOCAL_STEPS * BATCH;
    const participants = await admin.participants(id);
    const isGood =
      state === "finished" &&
      codes.every((code) => code === 0) &&
      committed.length === ROUNDS + 1 &&
      committed.every(({ accepted }) => accepted === PARTICIPANTS) &&
      committed.every(({ examples, judging }) => judging || examples === expected) &&
      participants.length === PARTICIPANTS &&
      participants.every(({ updatesAccepted }) => updatesAccepted === ROUNDS + 1);
    const words = isGood ? "" : `\n${processes.map((one) => one.log()).join("\n--\n")}`;
    return {
      isGood,
      text: `${state}, exits ${codes.join(" ")}, ${committed.map(({ accepted, examples }) => `${accepted}:${examples}`).join(" ")}${words}`,
    };
  } finally {
    for (const one of processes) if (!one.hasEnded()) one.process.kill("SIGKILL");
  }
}
