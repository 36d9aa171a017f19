import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AdversarySettings } from "../../../../client/engine/adversary-settings.ts";
import { slopes } from "./finite-differences.ts";
import { graphAt, PLACES, type Sizes } from "./places.ts";
import { randomBatch, randomState } from "./random-graph.ts";
import {
  addPerturbation,
  copiedRows,
  copyPlan,
  gradientOfCopies,
  gradientOfImages,
  lossWithCopies,
  passGroups,
  ReferencePerturbation,
  summedGradient,
  sumRows,
  takeRows,
  withCopies,
} from "./reference-adversary.ts";
import { referenceLoss } from "./reference-loss.ts";
import { runForward, type ParametersByName } from "./reference-network.ts";
import { runBackward } from "./reference-backward.ts";
import type { Tensor } from "./reference-operations.ts";
import { tensorsOf } from "./reference-session.ts";
import { SeededValues } from "./seeded-values.ts";
import "./to-be-allclose.ts";

const SMALL: Sizes = {
  height: 3,
  width: 2,
  imageChannels: 2,
  stemChannels: 2,
  channels: 4,
  kernel: 3,
  stride: 2,
  padding: 2,
  grouping: 2,
  classes: 3,
  norm: [2, 2],
  seed: 5,
};
const BATCH = 6;
const GROUP = 3;
/** Two copies to each group of three. */
const PLAN = copyPlan(0.5, BATCH, GROUP);
const exactly = (value: number): number => value;

const settings: AdversarySettings = {
  weight: 0.7,
  share: 0.5,
  norm: "l2",
  radius: 2,
  stepLength: 1,
  scope: "universal",
  ascents: 0,
};

/** A place's network, images, a perturbation, and a teacher's answers. */
function problemAt(place: (typeof PLACES)[number]) {
  const { graph, layout } = graphAt(place, SMALL);
  const { height, width, channels } = graph.inputShape;
  const random = new SeededValues(2);
  const images: Tensor = {
    shape: [BATCH, height, width, channels],
    values: Float64Array.from(randomBatch(graph, BATCH, 1).values),
  };
  const delta = Float64Array.from({ length: height * width * channels }, () => random.normal());
  const teacher: Tensor = {
    shape: [BATCH, graph.classes],
    values: Float64Array.from({ length: BATCH * graph.classes }, () => random.normal()),
  };
  return { graph, layout, images, delta, teacher };
}

/** The first student none of whose rectifiers is so near its threshold that it could turn. */
function steadyStudent(
  { layout }: ReturnType<typeof problemAt>,
  margin: (parameters: ParametersByName) => number,
): ParametersByName {
  const found = Array.from({ length: 200 }, (_, seed) => randomState(layout, seed))
    .map((state) => tensorsOf(layout, state))
    .find((parameters) => margin(parameters) > 1e-3);
  if (!found) throw new Error("every student has a rectifier near its threshold");
  return found;
}

describe("the float64 reference's gradients with copies in the norm groups", () => {
  it.each(PLACES)("[D9.14] are those of the training loss: $title", (place) => {
    const problem = problemAt(place);
    const { graph, images, delta, teacher } = problem;
    const run = (parameters: ParametersByName) => {
      const rows = withCopies(images, PLAN, { delta });
      const pass = runForward(graph, parameters, rows, passGroups(PLAN), exactly);
      return { pass, ...lossWithCopies(pass.logits, teacher, 1.7, PLAN, settings.weight) };
    };
    const student = steadyStudent(problem, (drawn) => run(drawn).pass.rectifierMargin);
    const { pass, dLogits } = run(student);
    const gradients = runBackward(graph, student, pass, dLogits, exactly);
    const byRow = gradients.get(graph.input)!;
    const expectGradient = (gradient: Float64Array, x: Float64Array, name: string): void => {
      const { measured, of } = slopes(() => {
        const { images: own, copies } = run(student);
        return own.loss + settings.weight * copies.loss;
      }, x);
      expect(of(gradient), name).toBeAllclose(measured, { l2: 1e-7, floor: 1e-2 });
    };
    expectGradient(sumRows(gradientOfCopies(byRow, PLAN)), delta, "δ");
    // An image moves the loss by itself, by its copy, and by the statistics of both.
    expectGradient(gradientOfImages(byRow, PLAN).values, images.values, "images");
    for (const [name, { shape, values }] of student) {
      const found = gradients.get(name);
      if (found && shape.length === 1) expectGradient(found.values, values, name);
    }
  });
});

describe("the float64 reference's gradient by a perturbation", () => {
  it.each(PLACES)(
    "[D9.1] [D9.3.2] is that of the copies' divergence in evaluation mode: $title",
    (place) => {
      const problem = problemAt(place);
      const { graph, images, delta, teacher } = problem;
      const rows = copiedRows(PLAN);
      const target = { logits: takeRows(teacher, rows), temperature: 1 };
      const run = (parameters: ParametersByName) => {
        const copies = addPerturbation(takeRows(images, rows), delta);
        return runForward(graph, parameters, copies, "evaluation", exactly);
      };
      const student = steadyStudent(problem, (drawn) => run(drawn).rectifierMargin);
      const pass = run(student);
      const dLogits = summedGradient(pass.logits, target);
      const gradients = runBackward(graph, student, pass, dLogits, exactly);
      const { measured, of } = slopes(
        () => rows.length * referenceLoss(run(student).logits, target).loss,
        delta,
      );
      const gradient = sumRows(gradients.get(graph.input)!);
      expect(of(gradient)).toBeAllclose(measured, { l2: 1e-7, floor: 1e-2 });
    },
  );
});

describe("copies in the reference", () => {
  it("[D9] [D9.12] stand after the images of their group, and are of its first", () => {
    const images = { shape: [BATCH, 1], values: Float64Array.of(1, 2, 3, 4, 5, 6) };
    expect(copiedRows(PLAN)).toEqual([0, 1, 3, 4]);
    const values = (delta: number[]) => [
      ...withCopies(images, PLAN, { delta: Float64Array.from(delta) }).values,
    ];
    expect(values([0.5])).toEqual([1, 2, 3, 1.5, 2.5, 4, 5, 6, 4.5, 5.5]);
    expect(values([0.1, 0.2, 0.3, 0.4])).toEqual([1, 2, 3, 1.1, 2.2, 4, 5, 6, 4.3, 5.4]);
  });
});

describe("an ascent of the reference", () => {
  const value = fc.integer({ min: -12, max: 12 }).map((quarters) => quarters / 4);
  const vectors = fc.array(value, { minLength: 4, maxLength: 4 });

  it("[D9.1] moves by the step along the gradient and stays in the ball", () => {
    fc.assert(
      fc.property(vectors, vectors, fc.constantFrom("l2", "linf"), (from, towards, norm) => {
        const delta = Float64Array.from(from.map((wide) => wide / 4));
        const gradient = Float64Array.from(towards);
        const moved = new ReferencePerturbation().ascend(delta, gradient, 4, {
          ...settings,
          norm,
        });
        const size = (values: Float64Array): number =>
          norm === "l2" ? Math.hypot(...values) : Math.max(...values.map(Math.abs));
        const step = moved.map((to, i) => to - delta[i]!);
        expect(size(moved)).toBeLessThanOrEqual(settings.radius + 1e-12);
        const inside = size(moved) < settings.radius - 1e-9;
        if (!inside) return;
        expect(size(step)).toBeCloseTo(gradient.some((g) => g !== 0) ? settings.stepLength : 0);
        const along = step.reduce((sum, moves, i) => sum + moves * gradient[i]!, 0);
        expect(along).toBeGreaterThanOrEqual(0);
      }),
      { seed: 20261122 },
    );
  });
});
