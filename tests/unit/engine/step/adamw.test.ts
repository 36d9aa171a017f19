import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine, Session } from "../../../../client/engine/engine.ts";
import type { OptimizerSettings } from "../../../../client/engine/optimizer.ts";
import { nodeEnvironment } from "../../../../client/engine/opening/node-environment.ts";
import { openEngine } from "../../../../client/engine/opening/open-engine.ts";
import { openOurs, openSmallSession, pixelBatch, smallStudent } from "../webgpu/small-training.ts";

const RATES = {
  learningRate: 0.01,
  momentum: 0.8,
  weightDecay: 0.05,
  secondMomentum: 0.95,
} satisfies OptimizerSettings;
const SETTINGS = { ...RATES, temperature: 2 };
const STEPS = 3;

const openOn: Readonly<Record<string, () => Promise<Engine>>> = {
  WebAssembly: () => openEngine({ backend: "wasm", environment: nodeEnvironment() }),
  WebGPU: openOurs,
};

/** AdamW in float64 as its authors write it, of one value. */
class ReferenceAdam {
  #mean = 0;
  #square = 0;
  #steps = 0;

  next(theta: number, gradient: number): number {
    const { learningRate, momentum, weightDecay, secondMomentum } = RATES;
    this.#steps++;
    this.#mean = momentum * this.#mean + (1 - momentum) * gradient;
    this.#square = secondMomentum * this.#square + (1 - secondMomentum) * gradient ** 2;
    const mean = this.#mean / (1 - momentum ** this.#steps);
    const square = this.#square / (1 - secondMomentum ** this.#steps);
    return (
      theta -
      learningRate * weightDecay * theta -
      (learningRate * mean) / (Math.sqrt(square) + 1e-8)
    );
  }
}

/** The loss's gradient at a student, without decay, and the student's step from there. */
async function walk(session: Session, aside: Session, steps: number, first: number) {
  const found: {
    readonly before: Float32Array;
    readonly gradient: Float32Array;
    readonly after: Float32Array;
  }[] = [];
  for (let step = first; step < first + steps; step++) {
    const { state: before } = await session.read();
    aside.load(before);
    const { gradient } = await aside.gradient(pixelBatch(step), {
      weightDecay: 0,
      temperature: 2,
    });
    await session.step(pixelBatch(step), SETTINGS);
    found.push({ before, gradient, after: (await session.read()).state });
  }
  return found;
}

describe.each(Object.keys(openOn))("AdamW on %s", (machine) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await openOn[machine]!();
  });
  afterAll(() => engine.close());

  it("[D3.3] moves every value as the formula says, also where a student takes over its state", async () => {
    const session = openSmallSession(engine, "adamw");
    const aside = openSmallSession(engine);
    session.load(smallStudent());
    const steps = await walk(session, aside, STEPS, 0);
    const other = smallStudent().map((value) => 0.8 * value);
    session.load(other, "keep");
    steps.push(...(await walk(session, aside, 1, STEPS)));
    expect([...steps.at(-1)!.before.subarray(0, 8)]).toEqual([...other.subarray(0, 8)]);
    const values = Array.from({ length: steps[0]!.gradient.length }, () => new ReferenceAdam());
    for (const { before, gradient, after } of steps) {
      values.forEach((value, i) => {
        expect(Math.abs(after[i]! - value.next(before[i]!, gradient[i]!))).toBeLessThan(1e-6);
      });
    }
    session.close();
    aside.close();
  });

  it("begins anew with a student that restarts, and needs the momentum of the squares", async () => {
    const session = openSmallSession(engine, "adamw");
    const once = async (): Promise<Float32Array> => {
      session.load(smallStudent());
      await session.step(pixelBatch(1), SETTINGS);
      await session.step(pixelBatch(2), SETTINGS);
      return (await session.read()).state;
    };
    expect(await once()).toEqual(await once());
    const { secondMomentum: _, ...plain } = SETTINGS;
    await expect(session.step(pixelBatch(3), plain)).rejects.toThrow(/AdamW needs the momentum/);
    session.close();
  });
});
