/**
 * `npm run bench:photographs`: a tab takes thousands of photographs, brings them to 224 pixels and trains a
 * tiny network on them. Tells the tab's memory over time, its main thread's longest task and how long it
 * took until images were ready and until the first step was done. Options: --images N (5000), --steps N
 * (30 local steps of 16 images), --backend wasm.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chromium, type Page } from "playwright";
import { AdminClient } from "../../client/admin/admin-client.ts";
import { freshState, modelFile } from "../../client/attack/fresh-model.ts";
import { startCoordinator } from "../../client/cli/coordinator/start-coordinator.ts";
import { sha256 } from "../../protocol/digest.ts";
import { resnet18 } from "../../protocol/model/architectures/resnet18.ts";
import { stateLayout } from "../../protocol/model/state-layout.ts";
import { chromiumLaunch } from "../browser/chromium.ts";
import { drawPhotographs } from "./photographs/draw-photographs.ts";
import { watchMemory } from "./photographs/watch-memory.ts";

const { values: options } = parseArgs({
  options: {
    images: { type: "string", default: "5000" },
    steps: { type: "string", default: "30" },
    backend: { type: "string", default: "wasm" },
  },
});
const SIZE = 224;
/** Longest that anything is waited for. */
const PATIENCE_MS = 1_800_000;
const PROGRESS_EVERY_MS = 10_000;
/** Samples that are shown. */
const SHOWN = 24;

const folder = await mkdtemp(join(tmpdir(), "scour-photographs-"));
const coordinator = await startCoordinator({ pages: true, report: () => {} });
// With a profile of its own: a private window keeps its private file system in memory.
const context = await chromium.launchPersistentContext(
  await mkdtemp(join(folder, "profile-")),
  chromiumLaunch(),
);
try {
  console.log(`drawing ${options.images} photographs …`);
  const photographs = await drawPhotographs(folder, Number(options.images));
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  await page.addInitScript(() => {
    const tasks: LongTask[] = [];
    Object.assign(globalThis, { longTasks: tasks });
    new PerformanceObserver((list) => {
      for (const { duration, startTime } of list.getEntries()) tasks.push({ duration, startTime });
    }).observe({ type: "longtask", buffered: true });
  });
  await page.goto((await invitation()).replace("#", `?backend=${options.backend}#`));
  await page.getByTestId("file-input").waitFor({ state: "attached" });
  const watch = watchMemory();
  const began = performance.now();
  const since = (): string => `${((performance.now() - began) / 1000).toFixed(1)} s`;
  await page.getByTestId("file-input").setInputFiles(photographs);
  const chosen = await page.evaluate(() => performance.now());
  const progress = setInterval(() => void tellProgress(page, since()), PROGRESS_EVERY_MS);
  await page
    .getByTestId("images-found")
    .waitFor()
    .finally(() => clearInterval(progress));
  console.log(`${await page.getByTestId("images-found").textContent()} after ${since()}`);
  await page.getByTestId("consent").check();
  await page.locator('[data-testid="contribute"]:enabled').click();
  const contributed = performance.now();
  await page.locator('[data-testid="status"][data-kind="training"]').waitFor();
  await page.waitForFunction(hasLoss);
  const first = ((performance.now() - contributed) / 1000).toFixed(1);
  console.log(`first step told ${first} s after contributing, ${since()} after choosing`);
  await page.locator('[data-testid="accepted"]', { hasText: "1" }).waitFor();
  console.log(`the round's update was taken after ${since()}`);
  watch.stop();
  const longTasks = await page.evaluate(() => Reflect.get(globalThis, "longTasks") as LongTask[]);
  const stored = await storedBytes(page);
  const most = Math.max(...watch.samples.map(({ megabytes }) => megabytes));
  const mostOther = Math.max(...watch.samples.map(({ otherMegabytes }) => otherMegabytes));
  console.log(
    `memory of the tab: ${most} MB at most, ${mostOther} of the browser beside it; ${(stored / 1e6).toFixed(0)} MB in the tab's private file system`,
  );
  const every = Math.max(1, Math.ceil(watch.samples.length / SHOWN));
  for (const [index, { megabytes, seconds }] of watch.samples.entries()) {
    if (index % every === 0) console.log(`  ${String(seconds).padStart(7)} s ${megabytes} MB`);
  }
  // What comes before is the choosing, which here is done by the driver, and in the page.
  for (const [when, tasks] of [
    ["before files were chosen", longTasks.filter(({ startTime }) => startTime < chosen)],
    ["since", longTasks.filter(({ startTime }) => startTime >= chosen)],
  ] as const) {
    const longest = Math.round(Math.max(0, ...tasks.map(({ duration }) => duration)));
    console.log(
      `main thread, ${when}: ${tasks.length} tasks of 50 ms and more, the longest ${longest} ms`,
    );
  }
} finally {
  await context.close();
  await coordinator.stop();
  await rm(folder, { recursive: true, force: true });
}

interface LongTask {
  /** ms */
  readonly duration: number;
  /** Of the page's clock, ms. */
  readonly startTime: number;
}

async function tellProgress(page: Page, since: string): Promise<void> {
  const text = await page.locator("output").first().textContent({ timeout: PROGRESS_EVERY_MS });
  console.log(`  ${since}: ${text?.trim()}`);
}

/** A campaign of one round, with nothing sought or judged: what is measured is images. */
async function invitation(): Promise<string> {
  const graph = resnet18({ width: 2, classes: 10 });
  const layout = stateLayout(graph);
  const file = modelFile(layout, freshState(graph, layout, new Uint8Array(32).fill(1)));
  const admin = new AdminClient(coordinator.url, coordinator.adminToken);
  const model = sha256(file);
  await admin.uploadModel({ body: new Blob([file]), digest: model });
  const { id } = await admin.createCampaign({
    model,
    network: { size: SIZE },
    preprocessing: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25], resize: "shorter-side" },
    fit: null,
    distillation: {
      rounds: 1,
      localSteps: Number(options.steps),
      batchSize: 16,
      adversary: null,
    },
    judging: { heldOut: 1e-6, regrowth: null, stopping: null },
    round: { goal: 1, deadlineSeconds: 86_400 },
  });
  const { url } = await admin.invite(id, { uses: 1 });
  await admin.act(id, "start");
  return url;
}

/** Runs in the tab: whether a loss is shown. */
function hasLoss(): boolean {
  return /\d/.test(document.querySelector('[data-testid="loss"]')?.textContent ?? "");
}

async function storedBytes(page: Page): Promise<number> {
  return await page.evaluate(async () => (await navigator.storage.estimate()).usage ?? 0);
}
