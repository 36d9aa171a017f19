import { expect, it } from "vitest";
import { holdOut } from "../../../../client/distil/hold-out.ts";
import type { ImageSet } from "../../../../client/images/image-set.ts";
import { RandomStream } from "../../../../protocol/random/random-stream.ts";
import type { Engine } from "../../../../client/engine/engine.ts";
import { openWasmEngine } from "../../../../client/engine/wasm/wasm-engine.ts";
import { evaluateModel, type Evaluation } from "../../../../client/evaluation/evaluate-model.ts";
import { EngineTrainer } from "../../../../client/participant/engine-trainer.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import { campaignConfigSchema } from "../../../../protocol/round/campaign-config.ts";
import { preprocessingOf } from "../../../../protocol/round/preprocessing.ts";
import type { Scores } from "../../../../protocol/round/judging.ts";
import { GraphBuilder } from "../numerics/graph-builder.ts";
import { drawCase } from "../numerics/numeric-case.ts";
import "../numerics/to-be-allclose.ts";
import { openOurs } from "./small-training.ts";

const SIDE = 6;
const CLASSES = 4;
const LOCAL_STEPS = 3;
const ROUNDS = 2;

/** All that is left to the default is a campaign's created without options. */
const config = campaignConfigSchema.parse({
  model: "ab".repeat(32),
  preprocessing: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
  // Of many images at a time: what is sought first asks both models some thousand times otherwise.
  distillation: { localSteps: LOCAL_STEPS, batchSize: 32 },
});

function residualNetwork() {
  const net = new GraphBuilder({ height: SIDE, width: SIDE, channels: 3 });
  const stem = net.relu(net.norm(net.conv(net.image, { channels: 8, kernel: 3, padding: 1 })));
  const inner = net.norm(net.conv(stem, { channels: 8, kernel: 3, padding: 1 }));
  const graph = net.graph(net.linear(net.pool(net.relu(net.add(inner, stem))), CLASSES));
  return drawCase({ graph, layout: stateLayout(graph) }, undefined, 14);
}

function noise(count: number, seed: number): ImageSet {
  const random = new RandomStream(new Uint8Array(16).fill(seed));
  const length = count * SIDE * SIDE * 3;
  const pixels = Uint8Array.from({ length }, () => Math.floor(256 * random.uniform()));
  return { pixels, count, height: SIDE, width: SIDE, channels: 3 };
}

const { graph, layout, teacher, student: first } = residualNetwork();
const pool = noise(72, 1);
const clean = { images: noise(64, 2), labels: Array.from({ length: 64 }, (_, i) => i % CLASSES) };
const triggered = { images: noise(64, 3), labels: clean.labels, target: 2 };

interface Cleansed {
  readonly state: Float32Array<ArrayBuffer>;
  readonly scores: readonly (Scores | null)[];
}

/** What a lone participant of a campaign does on an engine: it watches, trains, and judges last. */
async function cleanse(engine: Engine): Promise<Cleansed> {
  const random = new RandomStream(new Uint8Array(16).fill(7));
  const trainer = new EngineTrainer({
    session: engine.openSession({ graph, layout, teacher }),
    graph,
    layout,
    teacher,
    readings: [],
    openReading: (of) => engine.openSession({ graph: of, layout, teacher }),
    inSize: async () => undefined,
    config,
    images: pool,
    pool: holdOut(pool.count, config.judging, random),
    random,
  });
  const state = first.slice();
  const scores: (Scores | null)[] = [];
  const { signal } = new AbortController();
  for (let round = 0; round <= ROUNDS; round++) {
    const leg = { kind: "main" as const, candidate: 0, roundOfLeg: round, trainingRounds: ROUNDS };
    const work = { round, leg, student: state.slice(), signal };
    const isJudging = round === ROUNDS;
    const scoring = { isJudging, beforeBatch: async () => {}, onPass: () => {} };
    scores.push(await trainer.score({ ...work, ...scoring }));
    if (isJudging) break;
    const { update } = await trainer.train({
      ...work,
      startStep: round * LOCAL_STEPS,
      totalSteps: ROUNDS * LOCAL_STEPS,
      localSteps: LOCAL_STEPS,
      beforeStep: async () => {},
      onStep: () => {},
    });
    update.forEach((value, i) => (state[i]! -= value));
  }
  trainer.close();
  return { state, scores };
}

function evaluate(engine: Engine, state: Float32Array<ArrayBuffer>): Promise<Evaluation> {
  const task = {
    model: { graph, layout, state },
    teacher: { graph, layout, state: teacher.slice() },
    clean,
    triggered,
  };
  return evaluateModel(engine, task, { normalisation: preprocessingOf(config, graph.inputShape) });
}

it("the default comes to the same model, scores and evaluation on WebGPU and on WebAssembly", async () => {
  const [webgpu, wasm] = [await openOurs(), await openWasmEngine()];
  try {
    const [there, here] = [await cleanse(webgpu), await cleanse(wasm)];
    const moved = ({ state }: Cleansed): Float32Array => state.map((value, i) => value - first[i]!);
    expect(moved(there)).toBeAllclose(moved(here), { l2: 1e-3 });
    expect(here.scores.at(-1)?.perturbed).toHaveLength(config.judging.radii.length);
    // Answers are counted; how sure they were is not.
    const counted = ({ scores }: Cleansed) => scores.map((one) => one && { ...one, loss: 0 });
    expect(counted(there)).toEqual(counted(here));
    expect(await evaluate(webgpu, there.state)).toEqual(await evaluate(wasm, here.state));
    // Not all the same answer: the figures could differ.
    expect((await evaluate(wasm, here.state)).agreement).not.toBe(1);
  } finally {
    await webgpu.close();
    await wasm.close();
  }
});
