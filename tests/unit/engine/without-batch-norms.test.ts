import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine, Session, StepSettings } from "../../../client/engine/engine.ts";
import { nodeEnvironment } from "../../../client/engine/opening/node-environment.ts";
import { openWasmEngine } from "../../../client/engine/wasm/wasm-engine.ts";
import { stepRequest } from "../../../client/engine/step/request.ts";
import { planExecutable } from "../../../client/engine/webgpu/executable.ts";
import { defaultTiles } from "../../../client/engine/webgpu/tiles/tiles.ts";
import { openWebgpuEngine } from "../../../client/engine/webgpu/webgpu-engine.ts";
import { stateLayout } from "../../../protocol/model/state-layout.ts";
import { relativeError } from "../../../scripts/golden/reproduce.ts";
import { GraphBuilder } from "./numerics/graph-builder.ts";
import { randomBatch, randomState } from "./numerics/random-graph.ts";

const SETTINGS: StepSettings = {
  learningRate: 0.05,
  momentum: 0.9,
  weightDecay: 5e-4,
  temperature: 2,
};
const BATCH = 4;
const GROUP = 2;

/** A class token, positions, a layer norm and attention behind a convolution of patches. */
function smallTransformer() {
  const net = new GraphBuilder({ height: 6, width: 6, channels: 3 });
  const patches = net.tokens(
    net.conv(net.image, { channels: 8, kernel: 2, stride: 2, padding: 0, bias: true }),
  );
  const tokens = net.embed(net.prepend(patches, 1));
  const normed = net.ownNorm(tokens);
  const mixed = net.add(net.attention([normed, normed, normed], 2), tokens);
  const graph = net.graph(net.linear(net.takeToken(mixed, 0), 3));
  return { graph, layout: stateLayout(graph) };
}

const { graph, layout } = smallTransformer();
const [teacher, student] = [randomState(layout, 1), randomState(layout, 2)];
const { height, width, channels } = graph.inputShape;
const adversary: StepSettings["adversary"] = {
  weight: 0.5,
  share: 0.5,
  norm: "l2",
  radius: 2,
  stepLength: 0.5,
  scope: "universal",
  ascents: 1,
  restart: Float32Array.from({ length: height * width * channels }, (_, i) => Math.sin(i) / 4),
};

/** @param little whether it has memory for one norm group at once */
type Open = (little: boolean) => Promise<Engine>;

const machines: readonly [string, Open][] = [
  [
    "WebAssembly",
    async (little) => openWasmEngine({ threads: 1, ...(little && { arenaBytes: 1 }) }),
  ],
  [
    "WebGPU",
    async (little) =>
      openWebgpuEngine(await nodeEnvironment().gpu(), {
        software: true,
        submitBudgetMs: 1e9,
        ...(little && { memoryLimit: leastMemory() }),
      }),
  ],
];

/** Bytes that WebGPU needs for one norm group with its copies. */
function leastMemory(): number {
  const options = { graph, layout, teacher, normGroupSize: GROUP };
  const batch = randomBatch(graph, BATCH, 1);
  const request = stepRequest(options, batch, "distil", { ...SETTINGS, adversary }, "descend");
  const model = { graph, layout, tiles: defaultTiles(true, true) };
  return planExecutable(model, request, { bytes: Infinity, mostGroups: 1 }).room.arena;
}

async function using<T>(
  engine: Engine,
  normGroupSize: number | undefined,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const session = engine.openSession({ graph, layout, teacher, normGroupSize });
  session.load(student);
  const found = await use(session);
  session.close();
  return found;
}

async function trained(session: Session, steps: readonly number[]) {
  for (const step of steps) {
    await session.step(randomBatch(graph, BATCH, step), { ...SETTINGS, adversary });
  }
  return session.read();
}

describe.each(machines)("a network without batch norms, on %s", (_, open) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await open(false);
  });
  afterAll(async () => engine.close());

  it("has no running statistics, and is trained, read and loaded whole", async () => {
    expect(layout.trainableLength).toBe(layout.length);
    await using(engine, GROUP, async (session) => {
      expect((await session.read()).state).toEqual(student);
      const { state, results } = await trained(session, [1]);
      expect(results).toHaveLength(1);
      expect(relativeError(state, student)).toBeGreaterThan(1e-4);
      session.load(state);
      expect((await session.read()).state).toEqual(state);
      expect(await session.channelStatistics(randomBatch(graph, BATCH, 1))).toHaveLength(0);
    });
  });

  it("[D7] learns to the bit the same however many norm groups there are at once", async () => {
    const whole = await using(engine, GROUP, (session) => trained(session, [1, 2]));
    const little = await open(true);
    const cut = await using(little, GROUP, (session) => trained(session, [1, 2]));
    await little.close();
    expect(cut).toEqual(whole);
  });

  it("[D7] answers alike in training and in evaluation, whatever the norm groups", async () => {
    const batch = randomBatch(graph, BATCH, 3);
    await using(engine, undefined, async (session) => {
      const logits = await session.trainingLogits(batch);
      expect(relativeError(await session.logits("student", batch), logits)).toBeLessThan(1e-6);
      const grouped = await using(engine, GROUP, (other) => other.trainingLogits(batch));
      expect(relativeError(grouped, logits)).toBeLessThan(1e-6);
      const undecayed = { temperature: 2, weightDecay: 0 };
      const alone = await session.gradient(batch, undecayed);
      const inGroups = await using(engine, GROUP, (other) => other.gradient(batch, undecayed));
      expect(relativeError(inGroups.gradient, alone.gradient)).toBeLessThan(1e-5);
    });
  });
});
