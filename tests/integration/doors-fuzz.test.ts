import { afterAll, beforeAll, expect, it } from "vitest";
import { fuzzRun } from "../bench/doors/fuzz-run.ts";
import { START_MS, startTestCoordinator, type TestCoordinator } from "./doors/test-coordinator.ts";

/** `npm run fuzz` does the same with other seeds, and more of it. */
const REQUESTS = 20_000;

let test: TestCoordinator;

beforeAll(async () => {
  test = await startTestCoordinator();
}, START_MS);

afterAll(async () => await test?.end());

it(
  `[P2] [P5] [U3] ${REQUESTS} mutated requests: no 5xx, none without an answer, no stack in the log, and nothing changes for who has no right token`,
  { timeout: 1_800_000 },
  async () => {
    const { objections, result } = await fuzzRun(test.coordinator, {
      requests: REQUESTS,
      seed: "suite",
    });
    expect(objections.join("\n\n")).toBe("");
    expect(result.sent).toBeGreaterThanOrEqual(REQUESTS);
  },
);
