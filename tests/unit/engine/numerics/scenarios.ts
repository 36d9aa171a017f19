import type { StepSettings, ValueBatch } from "../../../../client/engine/engine.ts";
import type { NumericCase, Outcome, Scenario } from "./numeric-case.ts";
import { imageValues } from "./image-values.ts";
import { randomBatch, randomPixelBatch } from "./random-graph.ts";
import { SeededValues } from "./seeded-values.ts";

/** Two steps' settings, each different, so that none is taken for the other's. */
export const SETTINGS: readonly [StepSettings, StepSettings] = [
  { learningRate: 0.05, momentum: 0.9, weightDecay: 5e-3, temperature: 1.5 },
  { learningRate: 0.03, momentum: 0.8, weightDecay: 2e-3, temperature: 3.25 },
];

/** All that can be asked without moving the student: logits, loss, gradient. */
export function gradientScenario(size: number): Scenario {
  return async (session, { graph, seed }) => {
    const images = randomBatch(graph, size, seed);
    const settings = { temperature: 1 + (seed % 4), weightDecay: seed % 3 === 0 ? 0.01 : 0 };
    const logits = {
      teacher: await session.logits("teacher", images),
      student: await session.logits("student", images),
      "student in training": await session.trainingLogits(images),
    };
    const gradient = await session.gradient(images, settings);
    // The running statistics have advanced.
    const { state } = await session.read();
    return { logits, gradient, states: [state] };
  };
}

export function stepsScenario(size: number): Scenario {
  return async (session, { graph, seed }) => {
    await session.step(randomBatch(graph, size, seed), SETTINGS[0]);
    await session.step(randomBatch(graph, size, seed + 1), SETTINGS[1]);
    return readOutcome(session);
  };
}

/** Steps towards given answers, zero probabilities among them. */
export function supervisedScenario(size: number): Scenario {
  return async (session, at) => {
    const images = randomBatch(at.graph, size, at.seed);
    for (const settings of SETTINGS) {
      await session.superviseStep(images, randomAnswers(at, size), settings);
    }
    return readOutcome(session);
  };
}

/** A step on pixels, and from the same student a step on the values they stand for. */
export function pixelsScenario(size: number): Scenario {
  return async (session, { graph, student, seed }) => {
    const pixels = randomPixelBatch(graph, size, seed);
    const values = { values: imageValues(pixels, graph.inputShape), size };
    const logits = {
      teacher: await session.logits("teacher", pixels),
      student: await session.logits("student", pixels),
      "student in training": await session.trainingLogits(pixels),
    };
    await session.step(pixels, SETTINGS[0]);
    const fromPixels = await session.read();
    session.load(student);
    await session.step(values, SETTINGS[0]);
    const fromValues = await session.read();
    const results = [...fromPixels.results, ...fromValues.results];
    return { logits, results, states: [fromPixels.state, fromValues.state] };
  };
}

/** Batches of several sizes in one session, looked at between steps. */
export const severalSizesScenario: Scenario = async (session, at) => {
  await session.step(sized(at, 5), SETTINGS[0]);
  const student = await session.logits("student", sized(at, 1));
  const gradient = await session.gradient(sized(at, 3), SETTINGS[1]);
  const training = await session.trainingLogits(sized(at, 4));
  await session.step(sized(at, 5), SETTINGS[1]);
  await session.step(sized(at, 3), SETTINGS[0]);
  const teacher = await session.logits("teacher", sized(at, 5));
  const outcome = await readOutcome(session);
  return { ...outcome, gradient, logits: { student, teacher, "student in training": training } };
};

async function readOutcome(session: Parameters<Scenario>[0]): Promise<Outcome> {
  const { results, state } = await session.read();
  return { results, states: [state] };
}

function sized({ graph, seed }: NumericCase, size: number): ValueBatch {
  return randomBatch(graph, size, seed + size);
}

/** `[size, classes]`: a distribution for each image; every other one is certain of its class. */
export function randomAnswers(
  { graph: { classes }, seed }: NumericCase,
  size: number,
): Float32Array {
  const values = new SeededValues(seed);
  const targets = new Float32Array(size * classes);
  for (let n = 0; n < size; n++) {
    const row = targets.subarray(n * classes, (n + 1) * classes);
    if (n % 2 === 0) {
      row[values.integer(0, classes - 1)] = 1;
      continue;
    }
    const shares = Float64Array.from(row, () => values.uniform(0.05, 1));
    const sum = shares.reduce((total, share) => total + share, 0);
    row.set(shares.map((share) => share / sum));
  }
  return targets;
}
