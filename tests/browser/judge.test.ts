import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-webgpu";
import { expect, it } from "vitest";
import { plainBatch } from "../../client/distil/normalise.ts";
import { browserEnvironment } from "../../client/engine/opening/browser-environment.ts";
import { openEngine } from "../../client/engine/opening/open-engine.ts";
import { secondOpinion } from "../../client/evaluation/second-opinion.ts";
import { tfjsJudge } from "../../client/judge/tfjs-judge.ts";
import { relativeError } from "../../scripts/golden/reproduce.ts";
import {
  randomGraph,
  randomPixelBatch,
  randomState,
} from "../unit/engine/numerics/random-graph.ts";
import { ReferenceSession } from "../unit/engine/numerics/reference-session.ts";

/** A network with every operation, a stride and grouped convolutions among them. */
const SEED = 42;

it("TensorFlow.js on WebGPU answers as the engine on WebGPU does, and as the reference", async () => {
  const { graph, layout } = randomGraph(SEED);
  const { pixels, size: count } = randomPixelBatch(graph, 8, SEED);
  const images = { pixels, count, ...graph.inputShape };
  const each = <T>(value: T): T[] => Array.from({ length: graph.inputShape.channels }, () => value);
  const normalisation = { mean: each(0.45), std: each(0.25) };
  const model = { graph, layout, state: randomState(layout, SEED).slice() };

  expect(await tf.setBackend("webgpu")).toBe(true);
  const judge = tfjsJudge(tf);
  expect(judge.name).toContain("(webgpu)");
  const engine = await openEngine({ backend: "webgpu", environment: browserEnvironment() });
  const clean = { images, labels: new Uint8Array(count) };
  const opinion = await secondOpinion(engine, judge, { model, clean }, { normalisation });
  await engine.close();
  expect(opinion.agreement).toBe(1);
  expect(opinion.largestDifference).toBeLessThan(1e-4);

  const indices = [0, 1, 2, 3];
  const judged = judge.read(model);
  const logits = await judged.logits(images, indices, normalisation);
  judged.close();
  const reference = new ReferenceSession({ graph, layout, teacher: model.state });
  const expected = await reference.logits(
    "teacher",
    await plainBatch(images, indices, normalisation),
  );
  expect(relativeError(logits, expected)).toBeLessThan(1e-4);
});
