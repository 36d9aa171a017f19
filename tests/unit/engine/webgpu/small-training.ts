import type {
  Engine,
  PixelBatch,
  Session,
  SessionReading,
  StepSettings,
} from "../../../../client/engine/engine.ts";
import { nodeEnvironment } from "../../../../client/engine/opening/node-environment.ts";
import type { Optimizer } from "../../../../client/engine/optimizer.ts";
import type { Precision } from "../../../../client/engine/program/operands.ts";
import { planExecutable } from "../../../../client/engine/webgpu/executable.ts";
import { defaultTiles } from "../../../../client/engine/webgpu/tiles/tiles.ts";
import {
  openWebgpuEngine,
  type WebgpuEngine,
  type WebgpuEngineOptions,
} from "../../../../client/engine/webgpu/webgpu-engine.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import { GraphBuilder } from "../numerics/graph-builder.ts";
import { randomState, type RandomGraph } from "../numerics/random-graph.ts";
import { smallGraph } from "../small-graph.ts";

const BATCH = 6;
const GROUP = 2;
export const SETTINGS: StepSettings = {
  learningRate: 0.02,
  momentum: 0.9,
  weightDecay: 1e-3,
  temperature: 2,
};

const { graph, layout, state } = smallGraph();
const { height, width, channels } = graph.inputShape;

export async function openOurs(options: Partial<WebgpuEngineOptions> = {}): Promise<WebgpuEngine> {
  // A budget that no step exceeds, however busy the machine.
  const patient = { software: true, submitBudgetMs: 1e9 };
  return openWebgpuEngine(await nodeEnvironment().gpu(), { ...patient, ...options });
}

/** A short training of a network whose images are the small graph's. */
interface SmallTraining {
  openSession(engine: Engine, optimizer?: Optimizer): Session;
  student(): Float32Array;
  /** Loads the student and takes so many steps. */
  train(
    session: Session,
    steps: number,
    beforeStep?: (step: number) => Promise<void> | void,
  ): Promise<SessionReading>;
}

function trainingOf(network: RandomGraph, teacher: Float32Array): SmallTraining {
  const { trainableLength } = network.layout;
  const student = (): Float32Array =>
    teacher.map((value, i) => (i < trainableLength ? 0.9 * value : value));
  return {
    openSession: (engine, optimizer) =>
      engine.openSession({ ...network, teacher, normGroupSize: GROUP, optimizer }),
    student,
    async train(session, steps, beforeStep = () => {}) {
      session.load(student());
      for (let step = 0; step < steps; step++) {
        await beforeStep(step);
        await session.step(pixelBatch(step), SETTINGS);
      }
      return session.read();
    },
  };
}

export const {
  openSession: openSmallSession,
  student: smallStudent,
  train,
} = trainingOf({ graph, layout }, state);

/** Of as few kernels as a network with a norm has, for what compiles them again and again. */
export function leastTraining(): SmallTraining {
  const net = new GraphBuilder({ height, width, channels });
  const features = net.norm(net.conv(net.image, { channels: 4, kernel: 1 }));
  const least = net.graph(net.linear(net.pool(features), 3));
  const network = { graph: least, layout: stateLayout(least) };
  return trainingOf(network, randomState(network.layout, 1));
}

/** Bytes of activations that a step needs to go through one norm group at a time. */
export function leastMemory(precision: Precision = "f32"): number {
  const { arenaBytes } = planExecutable(
    { graph, layout, tiles: defaultTiles(true, true), precision },
    {
      mode: "distil",
      size: GROUP,
      groupSize: GROUP,
      input: "pixels",
      regularisers: [],
      finish: "descend",
    },
    { bytes: Infinity, mostGroups: 1 },
  );
  return arenaBytes;
}

/** Another batch for every number. */
export function pixelBatch(number: number, size = BATCH): PixelBatch {
  const length = size * height * width * channels;
  return {
    pixels: Uint8Array.from({ length }, (_, i) => (i * 37 + number * 101 + (i % 7) * 11) % 256),
    placements: Uint8Array.from({ length: 3 * size }, (_, i) =>
      i % 3 === 2 ? (number + i) % 2 : (number + i) % 3,
    ),
    cropPadding: 1,
    table: Float32Array.from({ length: channels * 256 }, (_, i) => (i % 256) / 128 - 1),
    size,
  };
}
