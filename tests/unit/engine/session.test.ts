import { beforeAll, describe, expect, it } from "vitest";
import type {
  Engine,
  PixelBatch,
  Session,
  SessionReading,
  StepResult,
  StepSettings,
} from "../../../client/engine/engine.ts";
import { EngineError } from "../../../client/engine/engine-error.ts";
import { nodeEnvironment } from "../../../client/engine/opening/node-environment.ts";
import { openEngine } from "../../../client/engine/opening/open-engine.ts";
import { unmovedBatch } from "../../../client/distil/normalise.ts";
import { gatherPixels } from "../../../client/images/image-set.ts";
import type { GoldenCase } from "../../../scripts/golden/golden-case.ts";
import { goldenW4 } from "./golden-files.ts";
import { smallGraph } from "./small-graph.ts";

const SETTINGS: StepSettings = {
  learningRate: 0.05,
  momentum: 0.9,
  weightDecay: 5e-4,
  temperature: 2,
};

describe("a session on wasm", () => {
  let engine: Engine;
  let golden: GoldenCase;
  beforeAll(async () => {
    engine = await openEngine({ backend: "wasm", environment: nodeEnvironment() });
    golden = await goldenW4();
  });

  function open(): Session {
    const { graph, layout, state } = golden.teacher;
    return engine.openSession({ graph, layout, teacher: state });
  }

  function batch(from: number, size: number): PixelBatch {
    const indices = Array.from({ length: size }, (_, i) => from + i);
    return unmovedBatch(
      golden.images,
      gatherPixels(golden.images, indices),
      golden.run.normalisation,
    );
  }

  it("gives the same bits for the same steps, and load forgets the momentum", async () => {
    const session = open();
    const run = async (): Promise<SessionReading> => {
      session.load(golden.student.state);
      for (let step = 0; step < 3; step++) await session.step(batch(4 * step, 4), SETTINGS);
      return session.read();
    };
    const first = await run();
    expect(first.results).toHaveLength(3);
    expect(await run()).toEqual(first);
    session.close();
  });

  it("keeps its velocity from one student to the next when told so", async () => {
    const session = open();
    session.load(golden.student.state);
    await session.step(batch(0, 4), SETTINGS);
    await session.step(batch(4, 4), SETTINGS);
    const atOnce = await session.read();
    session.load(golden.student.state);
    await session.step(batch(0, 4), SETTINGS);
    const { state } = await session.read();
    session.load(state, "keep");
    await session.step(batch(4, 4), SETTINGS);
    expect((await session.read()).state).toEqual(atOnce.state);
    session.load(state);
    await session.step(batch(4, 4), SETTINGS);
    expect((await session.read()).state).not.toEqual(atOnce.state);
    session.close();
  });

  it("reads back what was loaded, bit for bit", async () => {
    const session = open();
    session.load(golden.student.state);
    expect(await session.read()).toEqual({ state: golden.student.state, results: [] });
    session.close();
  });

  it("keeps weights and statistics when only asked for training-mode logits", async () => {
    const session = open();
    session.load(golden.student.state);
    const logits = await session.trainingLogits(batch(0, 8));
    expect(logits).not.toEqual(await session.logits("student", batch(0, 8)));
    expect(await session.read()).toEqual({ state: golden.student.state, results: [] });
    session.close();
  });

  it("the gradient moves running statistics alone; a step moves along it", async () => {
    const session = open();
    const { layout, state } = golden.student;
    session.load(state);
    const { gradient, loss } = await session.gradient(batch(0, 4), SETTINGS);
    const { state: after } = await session.read();
    expect(after.subarray(0, layout.trainableLength)).toEqual(
      state.subarray(0, layout.trainableLength),
    );
    expect(after.subarray(layout.trainableLength)).not.toEqual(
      state.subarray(layout.trainableLength),
    );
    session.load(state);
    await session.step(batch(0, 4), SETTINGS);
    const { state: moved, results } = await session.read();
    expect(results.map((result) => result.loss)).toEqual([loss]);
    for (let i = 0; i < gradient.length; i++) {
      expect(Math.abs(state[i]! - 0.05 * gradient[i]! - moved[i]!)).toBeLessThan(1e-6);
    }
    session.close();
  });

  it("learns given answers: supervised steps lower the loss", async () => {
    const session = open();
    session.load(golden.student.state);
    const targets = new Float32Array(8 * 5);
    for (let i = 0; i < 8; i++) targets[i * 5 + (i % 5)] = 1;
    for (let step = 0; step < 6; step++) {
      await session.superviseStep(batch(0, 8), targets, SETTINGS);
    }
    const results = await session.results();
    expect(results).toHaveLength(6);
    expect(results.at(-1)!.loss).toBeLessThan(0.8 * results[0]!.loss);
    session.close();
  });

  it("gives a student that is the teacher the teacher's logits", async () => {
    const session = open();
    session.load(golden.teacher.state);
    const images = batch(0, 8);
    const student = await session.logits("student", images);
    expect(student).toEqual(await session.logits("teacher", images));
    session.close();
  });

  it("executes additions and rectifiers that no batch norm takes up", async () => {
    const { graph, layout, state } = smallGraph();
    const session = engine.openSession({ graph, layout, teacher: state });
    session.load(state);
    const images = {
      values: Float32Array.from({ length: 2 * 48 }, (_, i) => Math.sin(i)),
      size: 2,
    };
    // Central differences of the loss itself, weight by weight.
    const lossAt = async (at: Float32Array): Promise<number> => {
      session.load(at);
      return (await session.gradient(images, { temperature: 1.5, weightDecay: 0 })).loss;
    };
    // A student unlike the teacher: at the teacher itself the gradient is all but zero.
    const shifted = state.map((value, i) => value + 0.3 * Math.sin(7 * i));
    session.load(shifted);
    const here = (await session.gradient(images, { temperature: 1.5, weightDecay: 0 })).gradient;
    for (let i = 0; i < layout.trainableLength; i += 5) {
      const step = 2e-3;
      const above = shifted.slice();
      above[i]! += step;
      const below = shifted.slice();
      below[i]! -= step;
      const slope = ((await lossAt(above)) - (await lossAt(below))) / (above[i]! - below[i]!);
      expect(Math.abs(slope - here[i]!)).toBeLessThan(2e-3 + 0.02 * Math.abs(slope));
    }
    session.close();
  });

  it("says what does not fit", async () => {
    const { graph, layout, state } = golden.teacher;
    expect(() => engine.openSession({ graph, layout, teacher: state.slice(1) })).toThrow(
      /the teacher has \d+ values, the layout \d+/,
    );
    const session = open();
    await expect(session.step(batch(0, 2), SETTINGS)).rejects.toThrow("load a student");
    expect(() => session.load(state.slice(1))).toThrow(/the student has/);
    session.load(state);
    const short = { values: new Float32Array(5), size: 2 };
    await expect(session.step(short, SETTINGS)).rejects.toThrow("needs 6144 values (2×32×32×3)");
    await expect(session.superviseStep(batch(0, 2), new Float32Array(3), SETTINGS)).rejects.toThrow(
      "3 target values for 2 images of 5 classes",
    );
    session.close();
    session.close();
    await expect(session.read()).rejects.toThrow(EngineError);
  });

  it("tells what came of each step once, in order, and load forgets it", async () => {
    const session = open();
    const steps = async (from: number, count: number): Promise<void> => {
      for (let step = from; step < from + count; step++) {
        await session.step(batch(4 * step, 4), SETTINGS);
      }
    };
    session.load(golden.student.state);
    const singly: StepResult[] = [];
    for (let step = 0; step < 5; step++) {
      await steps(step, 1);
      singly.push(...(await session.results()));
    }
    expect(new Set(singly.map(({ loss }) => loss)).size).toBe(5);
    await steps(0, 1);
    session.load(golden.student.state);
    await steps(0, 3);
    // Neither is a step of training.
    await session.logits("student", batch(0, 2));
    await session.trainingLogits(batch(0, 2));
    expect(await session.results()).toEqual(singly.slice(0, 3));
    expect(await session.results()).toEqual([]);
    await steps(3, 2);
    expect((await session.read()).results).toEqual(singly.slice(3));
    session.close();
  });

  it("says that a student has diverged when asked for its results", async () => {
    const session = open();
    session.load(golden.student.state);
    const wild = { ...SETTINGS, learningRate: 1e30 };
    for (let i = 0; i < 3; i++) await session.step(batch(0, 2), wild);
    await expect(session.results()).rejects.toMatchObject({
      code: "not-finite",
      message: expect.stringContaining("diverged") as string,
    });
    await expect(session.gradient(batch(0, 2), SETTINGS)).rejects.toThrow("diverged");
    session.load(golden.student.state);
    await session.step(batch(0, 2), SETTINGS);
    expect(await session.results()).toHaveLength(1);
    session.close();
  });
});
