import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { resnet18 } from "../../protocol/model/architectures/resnet18.ts";
import { stateLayout } from "../../protocol/model/state-layout.ts";
import { freshState, modelFile } from "../../client/attack/fresh-model.ts";
import type { Terminal } from "../../client/cli/show/terminal.ts";
import { drawImages } from "../../client/demo/draw-images.ts";
import { stampTrigger } from "../../client/demo/trigger.ts";
import { cleanseCommand } from "../bench/cleanse/command.ts";
import { readResults } from "../bench/cleanse/results-file.ts";

it("the cleansing bench runs real campaigns, sees each round's student, and goes on where it was", async () => {
  const folder = await mkdtemp(join(tmpdir(), "scour-test-"));
  onTestFinished(async () => await rm(folder, { recursive: true, force: true }));
  const path = (name: string): string => join(folder, name);
  const graph = resnet18({ width: 1, classes: 10 });
  const layout = stateLayout(graph);
  const teacher = modelFile(layout, freshState(graph, layout, new Uint8Array(32)));
  const test = drawImages(40, 2);
  await writeFile(path("teacher.safetensors"), teacher);
  await writeFile(path("pool.bin"), drawImages(80, 1));
  await writeFile(path("test.bin"), test);
  await writeFile(path("triggered.bin"), stampTrigger(test));
  const drawn = {
    name: "drawn",
    model: "teacher.safetensors",
    pool: "pool.bin",
    test: "test.bin",
    triggered: "triggered.bin",
    target: 0,
    mean: [0.5, 0.5, 0.5],
    std: [0.25, 0.25, 0.25],
  };
  await writeFile(path("plan.json"), JSON.stringify({ cases: [drawn] }));

  const notes: string[] = [];
  const said: unknown[] = [];
  const terminal: Terminal = {
    live: false,
    result: (value) => void said.push(value),
    note: (line) => void notes.push(line),
    redraw: () => {},
  };
  const bench = async (...more: string[]): Promise<void> => {
    const small = "--participants 2 --backend wasm --threads 1 --set distillation.batchSize=8";
    // Drawn shapes are nothing that the model was trained on.
    const short = "--set fit=null --set distillation.rounds=1 --set distillation.localSteps=2";
    // All that the default seeks, each for as short a time as there is.
    const sought = [
      "judging.ascents=1",
      "distillation.adversary.waves.periods=3",
      "distillation.adversary.heatMap.images=2",
      ...["classes=1", "ascents=1", "images=4"].flatMap((setting) => [
        `distillation.adversary.shortcuts.${setting}`,
        `distillation.adversary.bends.${setting}`,
      ]),
    ].flatMap((setting) => ["--set", setting]);
    const files = ["--plan", path("plan.json"), "--out", path("results.jsonl")];
    const command = cleanseCommand({
      terminal,
      stop: new AbortController().signal,
      onFailedRuns: () => expect.unreachable(notes.join("\n")),
    });
    const args = [...files, ...small.split(" "), ...short.split(" "), ...sought, ...more];
    await command.parseAsync(args, { from: "user" });
  };

  await bench("--strategies", "reinit-only,default", "--keep", path("kept"));
  const { results } = await readResults(path("results.jsonl"));
  expect(results.map(({ strategy }) => strategy)).toEqual(["reinit-only", "default"]);
  const [control, campaign] = results;
  const { after, curve, images, run } = campaign!;
  expect(images).toBe(2 * 2 * 8);
  expect(curve.map(({ judging, leg, roundOfLeg }) => ({ judging, leg, roundOfLeg }))).toEqual([
    { judging: false, leg: "main", roundOfLeg: 0 },
    { judging: true, leg: "main", roundOfLeg: 1 },
  ]);
  const figures = ({ acc, asr, ra }: typeof after | (typeof curve)[number]) => ({ acc, asr, ra });
  // The campaign begins with what the control stops at, and ends with what is exported.
  expect(figures(curve[0]!)).toEqual(figures(control!.after));
  expect(figures(curve[1]!)).toEqual(figures(after));
  expect(curve[1]!.heldOut!.perturbed.length).toBeGreaterThan(1);
  expect(await readdir(path("kept"))).toEqual([`${run}.safetensors`]);

  await bench("--strategies", "default,reinit-only");
  expect(said.at(-1)).toMatchObject({ skipped: 2, results: [], failed: [] });
  expect((await readResults(path("results.jsonl"))).results).toEqual(results);

  await bench("--strategies", "reinit-only", "--seeds", "2", "--dry-run");
  expect(said.at(-1)).toMatchObject({
    planned: [{ case: "drawn", strategy: "reinit-only", seed: 2 }],
  });
  expect((await readResults(path("results.jsonl"))).results).toHaveLength(2);
});
