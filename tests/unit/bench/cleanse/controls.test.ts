import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { modelFile } from "../../../../client/attack/fresh-model.ts";
import { drawImages } from "../../../../client/demo/draw-images.ts";
import { labelledImages } from "../../../../client/demo/labelled-images.ts";
import { nodeEnvironment } from "../../../../client/engine/opening/node-environment.ts";
import { openEngine } from "../../../../client/engine/opening/open-engine.ts";
import { benchRuns, type BenchSettings } from "../../../bench/cleanse/bench-run.ts";
import { parseSetting } from "../../../bench/cleanse/config-patch.ts";
import type { LoadedCase } from "../../../bench/cleanse/load-case.ts";
import { runAll } from "../../../bench/cleanse/run-all.ts";
import { resultSchema, type BenchResult } from "../../../bench/cleanse/result.ts";
import { temporaryDirectory } from "../../cli/temporary-directory.ts";
import { smallCase } from "./small-case.ts";

const QUICK = ["distillation.rounds=1", "distillation.localSteps=4", "distillation.batchSize=8"];

async function runBench(loaded: LoadedCase, changes: Partial<BenchSettings> = {}) {
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
    swappedPool: false,
    set: QUICK.map(parseSetting),
    ...changes,
  });
  const appended: BenchResult[] = [];
  const notes: string[] = [];
  const done = await runAll(runs, {
    engine,
    threads: 1,
    estimates: runs.map(() => 1),
    curveEvery: 1,
    keep: undefined,
    append: async (result) => void appended.push(result),
    stop: new AbortController().signal,
    note: (line) => void notes.push(line),
  });
  return { ...done, appended, notes };
}

describe("controls", () => {
  it("give results like campaigns, and say whether they used labels", async () => {
    const { appended, failed, results } = await runBench(smallCase());
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
    const { failed, results } = await runBench(smallCase(), { swappedPool: true });
    expect(results.map(({ strategy }) => strategy)).toEqual(["reinit-only"]);
    expect(failed).toEqual([
      expect.objectContaining({
        strategy: "fine-tune",
        why: expect.stringContaining("fine-tune needs labels of the model's classes"),
      }),
    ]);
  });
});

describe("a campaign that could never be measured", () => {
  it.each([
    ["a tiny pool", { poolSize: 8 }, /^error: 0 of 2 participants train on \d+ images or more/],
    // Even shares would be large enough.
    [
      "a skewed pool",
      { participants: 4, poolSize: null, skew: 0.001 },
      /^error: [1-3] of 4 participants train on \d+ images or more/,
    ],
  ])("because of %s is one failed run, and the others go on", async (_, settings, message) => {
    const small = smallCase();
    const { layout, state } = small.teacher;
    const model = join(await temporaryDirectory(), "small.safetensors");
    await writeFile(model, modelFile(layout, new Float32Array(state)));
    const pool = labelledImages(drawImages(160, 1));
    const { failed, notes, results } = await runBench(
      { ...small, spec: { ...small.spec, model }, pool },
      { strategies: ["bnp", "reinit-only"], ...settings },
    );
    expect(results.map(({ strategy }) => strategy)).toEqual(["reinit-only"]);
    const why = expect.stringMatching(message);
    expect(failed).toEqual([expect.objectContaining({ strategy: "bnp", seed: 1, why })]);
    expect(notes).toContain("[1/2] small, bnp, seed 1: Give more images, or fewer participants.");
  });
});
