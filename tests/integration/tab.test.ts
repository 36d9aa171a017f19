import { fileURLToPath } from "node:url";
import { chromium } from "playwright";
import { expect, it, onTestFinished } from "vitest";
import { AdminClient } from "../../client/admin/admin-client.ts";
import { sha256 } from "../../protocol/digest.ts";
import { importModel } from "../../protocol/formats/import-model.ts";
import { chromiumLaunch } from "../browser/chromium.ts";
import { onnxFixture } from "../fixtures/onnx/read-fixture.ts";
import { BOUNDS_MS, FAR_DEADLINE_SECONDS } from "../patience.ts";
import { freePort, startServe, temporaryDirectory, until } from "./processes.ts";

const FIXTURE = new URL("../fixtures/golden-w4/", import.meta.url);

/** Of the images that take part; the file leaves it open. */
const NETWORK = { size: 32 };

/** All that the default seeks, each for as short a time as there is: a software GPU takes it long. */
const HASTY = {
  waves: { periods: 3 },
  heatMap: { images: 2 },
  shortcuts: { classes: 1, ascents: 1, images: 4 },
  bends: { classes: 1, ascents: 1, images: 4 },
};

it("[W8] a real tab with WebGPU cleanses a model of the file's own graph, and its update is aggregated", async () => {
  const serve = await startServe({
    stateDir: await temporaryDirectory(),
    port: await freePort(),
    pages: true,
  });
  const admin = new AdminClient(serve.url, serve.adminToken);
  // An architecture that is recognised by nothing: the network is what the file says it is.
  const file = await onnxFixture("any-size");
  const model = sha256(file);
  await admin.uploadModel({ body: new Blob([file]), digest: model });
  const { id, name } = await admin.createCampaign({
    name: "street signs of the town hall",
    model,
    // Fewer than 32 images: too few for the statistics of norms that stand in.
    network: { ...NETWORK, standInNorms: false },
    // It was trained on nothing, and knows nothing.
    fit: null,
    preprocessing: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    distillation: { rounds: 1, localSteps: 2, batchSize: 4, adversary: HASTY },
    judging: { ascents: 1 },
    round: { goal: 1, deadlineSeconds: FAR_DEADLINE_SECONDS },
  });
  const invite = await admin.invite(id, { uses: 1, organisation: "town hall" });
  await admin.act(id, "start");

  const browser = await chromium.launch(chromiumLaunch());
  onTestFinished(() => browser.close());
  // Of one context, so that a second tab of it shares what the first has stored.
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(BOUNDS_MS.integration.wait);
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  const outside: string[] = [];
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol.startsWith("http") && origin !== serve.url) outside.push(request.url());
  });

  const answered = await page.goto(invite.url.replace("#", "?backend=webgpu#"));
  expect(answered?.headers()).toMatchObject({
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "content-security-policy": expect.stringContaining("default-src 'self'"),
  });
  await expect.poll(() => page.textContent("body")).toContain(name);
  expect(await page.evaluate(sharesMemory), "the page shares memory between threads").toBe(true);
  const contribute = page.getByTestId("contribute");
  expect(await contribute.isDisabled()).toBe(true);
  await page.getByTestId("file-input").setInputFiles(fileURLToPath(new URL("images.bin", FIXTURE)));
  await expect.poll(() => page.getByTestId("images-found").textContent()).toContain("24");
  expect(await contribute.isDisabled(), "without consent").toBe(true);
  await page.getByTestId("consent").check();
  await expect.poll(() => contribute.isEnabled()).toBe(true);
  const [worker] = page.workers();
  expect(await worker!.evaluate(sharesMemory), "its worker shares memory").toBe(true);
  await contribute.click();

  await until(
    "the round with the tab's update is committed, and judged",
    async () => {
      expect(complaints).toEqual([]);
      // What a tab cannot go on with is told at once, not when waiting is over.
      expect(await page.locator('[data-kind="failed"]').allInnerTexts()).toEqual([]);
      return (await admin.campaign(id)).state === "finished";
    },
    [serve],
  );
  const [round] = await admin.rounds(id);
  expect(round).toMatchObject({ state: "committed", accepted: 1, examples: 8 });
  const [participant] = await admin.participants(id);
  expect(participant).toMatchObject({ organisation: "town hall", updatesAccepted: 2 });
  expect(participant?.backend).toMatch(/webgpu/i);

  const exported = new Uint8Array(await new Response(await admin.export(id)).arrayBuffer());
  const [teacher, student] = [
    await importModel(file, NETWORK),
    await importModel(exported, NETWORK),
  ];
  expect(exported).toHaveLength(file.length);
  expect(student.state).not.toEqual(teacher.state);
  expect(student.graph).toEqual(teacher.graph);

  expect(outside, "requests to other origins").toEqual([]);
  expect(complaints).toEqual([]);

  // Who opens the link again in another tab is who it was, and is told how it ended: a stranger would
  // hear that the invite is used up.
  const again = await context.newPage();
  await page.close();
  await again.goto(invite.url);
  await expect.poll(() => again.textContent("body")).toContain("The campaign is finished.");
});

/** Runs in the tab: whether WebAssembly threads are to be had. */
function sharesMemory(): boolean {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  return globalThis.crossOriginIsolated && memory.buffer instanceof SharedArrayBuffer;
}
