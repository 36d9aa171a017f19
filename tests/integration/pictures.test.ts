import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { AdminClient } from "../../client/admin/admin-client.ts";
import { drawImages } from "../../client/demo/draw-images.ts";
import { sha256 } from "../../protocol/digest.ts";
import {
  freePort,
  runScour,
  startScour,
  startServe,
  temporaryDirectory,
  until,
} from "./processes.ts";

const TEACHER = fileURLToPath(new URL("../../client/demo/teacher.safetensors", import.meta.url));

it("[F3] `simulate` with a mean and std that are not the model's stops and says so", async () => {
  const folder = await temporaryDirectory();
  await writeFile(join(folder, "images.bin"), drawImages(120, 7_000));
  const out = join(folder, "cleansed.safetensors");
  const simulate = ["simulate", "--model", TEACHER, "--images", join(folder, "images.bin")];
  const others = ["--participants", "3", "--backend", "wasm", "--out", out];
  const { code, stderr } = await runScour(
    simulate.concat(others, "--mean", "0,0,0", "--std", "1,1,1"),
  );
  expect(code, stderr).toBe(1);
  expect(stderr).toContain("simulated 1: its images do not fit the model");
  expect(stderr).toMatch(/the pictures of 3 of 3 participants .* make the campaign anew with the/);
  expect(stderr).toContain("With --fit off pictures are not looked at.");
  expect(stderr).not.toMatch(/evidence/);
});

it("[F2.1] `join` with pictures that do not fit stops where nobody can be asked, unless told to go on", async () => {
  const folder = await temporaryDirectory();
  const images = join(folder, "images.bin");
  await writeFile(images, drawImages(40, 7_000));
  const serve = await startServe({ stateDir: folder, port: await freePort() });
  const admin = new AdminClient(serve.url, serve.adminToken);
  const file = new Uint8Array(await readFile(TEACHER));
  const model = sha256(file);
  await admin.uploadModel({ body: new Blob([file]), digest: model });
  const { id } = await admin.createCampaign({
    model,
    preprocessing: { mean: [0, 0, 0], std: [1, 1, 1] },
    // Of one step, so that no device is measured; nor is anything sought for long.
    distillation: { rounds: 1, localSteps: 1, batchSize: 4, adversary: null },
    judging: { ascents: 1 },
    round: { goal: 2, minimum: 1 },
  });
  const invite = await admin.invite(id, { uses: 2, places: 2 });
  await admin.act(id, "start");
  const command = [
    "join",
    invite.url,
    "--images",
    images,
    "--backend",
    "wasm",
    "--max-rounds",
    "1",
  ];
  const refused = await runScour(command);
  expect(refused.code, refused.stderr).toBe(1);
  expect(refused.stderr).toContain("these images do not look like what this model was trained on");
  expect(refused.stderr).toContain("Give other images, or --any-images");
  expect((await admin.campaign(id)).pictures).toEqual({ told: 1, unfit: 1 });
  // Both of two pause the campaign; the organiser has seen why and goes on.
  const taken = startScour([...command, "--any-images"]);
  await until("the campaign pauses", async () => (await admin.campaign(id)).state === "paused");
  await admin.act(id, "resume");
  expect(await taken.ended, taken.stderr()).toBe(0);
  expect((await admin.rounds(id))[0]).toMatchObject({ accepted: 1 });
});
