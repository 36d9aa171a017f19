import { describe, expect, it } from "vitest";
import { nodeEnvironment } from "../../../../client/engine/node-environment.ts";
import { openEngine } from "../../../../client/engine/open-engine.ts";
import { benchRuns } from "../../../bench/cleanse/bench-run.ts";
import { parseSetting } from "../../../bench/cleanse/config-patch.ts";
import { runAll } from "../../../bench/cleanse/run-all.ts";
import { resultSchema, type BenchResult } from "../../../bench/cleanse/result.ts";
import { smallCase } from "./small-case.ts";

const QUICK = ["distillation.rounds=1", "distillation.localSteps=4", "distillation.batchSize=8"];

async function runControls(loaded = smallCase(), swappedPool = false) {
  const engine = await openEngine({
    backend: "wasm",
    threads: 1,
    environment: nodeEnvironment(),
  });
  const runs = benchRuns([loaded], {
    strategies: ["reinit-only", "fine-tune"],
    seeds: [1],
    participants: 2,
    poolSize: 24,
    skew: null,
    swappedPool,
    set: QUICK.map(parseSetting),
  });
  const appended: BenchResult[] = [];
  const done = await runAll(runs, {
    engine,
    threads: 1,
    estimates: runs.map(() => 1),
    curveEvery: 1,
    keep: undefined,
    append: async (result) => void appended.push(result),
    stop: new AbortController().signal,
    note: () => {},
  });
  return { ...done, appended };
}

describe("controls", () => {
  it("give results like campaigns, and say whether they used labels", async () => {
    const { appended, failed, results } = await runControls();
    expect(failed).toEqual([]);
    expect(appended).toEqual(results);
    for (const result of results) expect(resultSchema.parse(result)).toEqual(result);
    const [first, tuned] = results;
    expect(first).toMatchObject({ control: { kind: "reinit-only", labels: false }, images: 0 });
    expect(tuned).toMatchObject({
      control: { kind: "fine-tune", labels: true },
      // 1 round · 4 steps · 8 images · 2 participants come to 8 steps: 3 epochs of 3.
      images: 72,
      pool: { size: 24, shares: [24] },
    });
  });

  it("that do not fit are told of, and the others go on", async () => {
    const { failed, results } = await runControls(smallCase(), true);
    expect(results.map(({ strategy }) => strategy)).toEqual(["reinit-only"]);
    expect(failed).toEqual([
      expect.objectContaining({
        strategy: "fine-tune",
        why: expect.stringContaining("fine-tune needs labels of the model's classes"),
      }),
    ]);
  });
});
