import { afterAll, beforeAll, expect, it } from "vitest";
import { fuzzRun } from "../bench/doors/fuzz-run.ts";
import { rawBytes } from "./doors/raw-bytes.ts";
import { startTestCoordinator, type TestCoordinator } from "./doors/test-coordinator.ts";

/** `npm run fuzz` does the same with other seeds, and more of it. */
const REQUESTS = 20_000;

let test: TestCoordinator;

beforeAll(async () => {
  test = await startTestCoordinator();
});

afterAll(async () => await test?.end());

it(`[P2] [P5] [U3] ${REQUESTS} mutated requests: no 5xx, none without an answer, no stack in the log, and nothing changes for who has no right token`, async () => {
  const { objections, result } = await fuzzRun(test.coordinator, {
    requests: REQUESTS,
    seed: "suite",
  });
  expect(objections.join("\n\n")).toBe("");
  expect(result.sent).toBeGreaterThanOrEqual(REQUESTS);
});

it("[P2] a coordinator outlives connections that turn to no HTTP while their answers are due", async () => {
  const { coordinator } = test;
  const head = "POST /api/v1/check-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
  const bytes = Buffer.from(`${head}Content-Length: 2\r\n\r\n{}no HTTP\r\n\r\n`);
  for (let i = 0; i < 100; i++) {
    const answers = await Promise.all([1, 2, 3].map(() => rawBytes(coordinator.port, bytes)));
    for (const answer of answers) expect(answer.toString()).toMatch(/^HTTP\/1\.1 4\d\d /);
  }
  const response = await fetch(`${coordinator.url}/api/v1/health`);
  expect(await response.json()).toMatchObject({ status: "ok" });
  expect(coordinator.hasEnded()).toBe(false);
});
