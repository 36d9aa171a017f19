import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { slopes } from "./finite-differences.ts";
import { drawCase } from "./numeric-case.ts";
import { graphAt, PLACES, type Sizes } from "./places.ts";
import { randomBatch } from "./random-graph.ts";
import { referenceLoss } from "./reference-loss.ts";
import { runForward, type ParametersByName } from "./reference-network.ts";
import { runBackward } from "./reference-backward.ts";
import type { Tensor } from "./reference-operations.ts";
import {
  adaptivePerturbation,
  bringHeadsToLength,
  headShiftLoss,
  headsOf,
  steeper,
  withHeadShift,
} from "./reference-regularisers.ts";
import { ReferenceSession, tensorsOf } from "./reference-session.ts";
import { SeededValues } from "./seeded-values.ts";
import "./to-be-allclose.ts";

const SIZES: Sizes = {
  height: 3,
  width: 2,
  imageChannels: 2,
  stemChannels: 2,
  channels: 4,
  kernel: 3,
  stride: 1,
  padding: 1,
  grouping: 2,
  classes: 3,
  norm: [3, 2],
  seed: 5,
};
const BATCH = 6;
const TEMPERATURE = 1.7;
const ALPHA = 0.3;
const exactly = (value: number): number => value;
/** One with one linear layer, one with several. */
const HEADS = PLACES.filter(({ title }) =>
  [
    "convolution, norm, rectifier, and again",
    "linear layers with a rectifier and a shortcut",
  ].includes(title),
);

/** A network with a teacher and the first student none of whose rectifiers is in doubt. */
function problemAt(place: (typeof PLACES)[number]) {
  const network = graphAt(place, SIZES);
  const { graph, layout } = network;
  const { height, width, channels } = graph.inputShape;
  const images: Tensor = {
    shape: [BATCH, height, width, channels],
    values: Float64Array.from(randomBatch(graph, BATCH, 1).values),
  };
  const random = new SeededValues(2);
  const logits: Tensor = {
    shape: [BATCH, graph.classes],
    values: Float64Array.from({ length: BATCH * graph.classes }, () => random.normal()),
  };
  const run = (parameters: ParametersByName) => {
    const pass = runForward(graph, parameters, images, { size: 3, clean: 3 }, exactly);
    return { pass, ...referenceLoss(pass.logits, { logits, temperature: TEMPERATURE }) };
  };
  for (let seed = 0; seed < 200; seed++) {
    const drawn = drawCase(network, 3, seed);
    const student = tensorsOf(layout, drawn.student);
    if (run(student).pass.rectifierMargin < 1e-3) continue;
    return { graph, layout, run, student, teacher: tensorsOf(layout, drawn.teacher) };
  }
  throw new Error("every student has a rectifier near its threshold");
}

describe("a head shift in the reference", () => {
  it.each(HEADS)("[D11] has the gradient of its loss: $title", (place) => {
    const { graph, run, student, teacher } = problemAt(place);
    const loss = (): number => run(student).loss + headShiftLoss(graph, student, teacher, ALPHA);
    const { pass, dLogits } = run(student);
    const plain = runBackward(graph, student, pass, dLogits, exactly);
    const gradients = withHeadShift(graph, plain, teacher, ALPHA);
    const heads = headsOf(graph);
    expect(heads.length).toBeGreaterThan(0);
    for (const [name, { values }] of student) {
      const found = gradients.get(name);
      if (!found) continue;
      const { measured, of } = slopes(loss, values);
      expect(of(found.values), name).toBeAllclose(measured, { l2: 1e-7, floor: 1e-2 });
    }
    for (const name of heads) expect(gradients.get(name)).not.toEqual(plain.get(name));
  });

  it.each(HEADS)(
    "[D11.1] keeps a layer's direction and gives it its teacher's length: $title",
    (place) => {
      const { graph, layout, student, teacher } = problemAt(place);
      const before = new Map([...student].map(([name, { values }]) => [name, values.slice()]));
      bringHeadsToLength(graph, student, teacher, exactly);
      const heads = headsOf(graph);
      for (const { name } of layout.entries) {
        const was = before.get(name)!;
        const { values } = student.get(name)!;
        if (!heads.includes(name)) {
          expect(values).toEqual(was);
          continue;
        }
        const lengths = [values, teacher.get(name)!.values, was].map((v) => Math.hypot(...v));
        const [length, wanted, old] = lengths as [number, number, number];
        expect(length).toBeCloseTo(wanted, 12);
        expect(values.reduce((dot, v, i) => dot + v * was[i]!, 0)).toBeCloseTo(length * old, 12);
      }
    },
  );
});

const tensor = (values: number[]): Tensor => ({ shape: [5], values: Float64Array.from(values) });

const alone = (values: number[]) => new Map([["w", tensor(values)]]);

describe("the adaptive perturbation of the reference", () => {
  const value = fc.integer({ min: -12, max: 12 }).map((quarters) => quarters / 4);
  const vector = fc.array(value, { minLength: 5, maxLength: 5 });

  it("[D10] is, of all with relative length ρ, the one along which the loss grows most", () => {
    fc.assert(
      fc.property(vector, vector, vector, fc.constantFrom(0.1, 1, 2), (theta, g, other, rho) => {
        const epsilon = adaptivePerturbation(alone(theta), alone(g), rho).get("w")!;
        const along = (change: ArrayLike<number>): number =>
          g.reduce((sum, slope, i) => sum + slope * change[i]!, 0);
        const moves = theta.some((weight, i) => weight * g[i]! !== 0);
        // A weight of 0 has no room to move in.
        const ratios = theta.map((weight, i) => (weight === 0 ? 0 : epsilon[i]! / weight));
        expect(Math.hypot(...ratios)).toBeCloseTo(moves ? rho : 0, 12);
        const length = Math.hypot(...other) || 1;
        const rival = other.map((ratio, i) => (rho * ratio * Math.abs(theta[i]!)) / length);
        expect(along(epsilon)).toBeGreaterThanOrEqual(along(rival) - 1e-9);
      }),
      { seed: 20261122 },
    );
  });

  it("leaves what is not trained where it is", () => {
    const parameters = new Map([...alone([1, 2, 3, 4, 5]), ["running", tensor([1, 1, 1, 1, 1])]]);
    const moved = steeper(parameters, alone([1, 0, 0, 0, 1]), 0.5, exactly);
    expect(moved.get("running")).toEqual(parameters.get("running"));
    expect(moved.get("w")!.values[1]).toBe(2);
    expect(moved.get("w")!.values[4]).toBeGreaterThan(5);
  });
});

describe("a sharpness-aware gradient of the reference", () => {
  it.each(HEADS)("[D10.1] is that at θ + ε; all else is as without: $title", async (place) => {
    const network = graphAt(place, SIZES);
    const drawn = drawCase(network, 3, 3);
    const { graph, layout, student } = drawn;
    const batch = randomBatch(graph, BATCH, 4);
    const settings = { temperature: TEMPERATURE, weightDecay: 0, headShift: { weight: ALPHA } };
    const at = async (state: Float32Array, sharpness?: { rho: number }) => {
      const session = new ReferenceSession(drawn);
      session.load(state);
      const found = await session.gradient(batch, { ...settings, sharpness });
      return { ...found, ...(await session.read()) };
    };
    const plain = await at(student);
    const rho = 0.4;
    const length = Math.hypot(...plain.gradient.map((g, i) => g * student[i]!));
    const there = student.map((theta, i) =>
      i < layout.trainableLength
        ? theta + (rho * theta * theta * plain.gradient[i]!) / length
        : theta,
    );
    const sharp = await at(student, { rho });
    expect(sharp.gradient).toBeAllclose((await at(there)).gradient, { l2: 1e-5 });
    expect(sharp.gradient).not.toBeAllclose(plain.gradient, { l2: 1e-2 });
    expect({ ...sharp, gradient: 0 }).toEqual({ ...plain, gradient: 0 });
  });
});
