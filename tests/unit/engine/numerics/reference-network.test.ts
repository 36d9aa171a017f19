import { describe, expect, it } from "vitest";
import { reproduce } from "../../../../scripts/golden/reproduce.ts";
import { goldenW4 } from "../golden-files.ts";
import { slopes } from "./finite-differences.ts";
import { graphAt, PLACES, type Sizes } from "./places.ts";
import { randomBatch, randomState } from "./random-graph.ts";
import { referenceLoss, type ReferenceLoss } from "./reference-loss.ts";
import { runForward, type ParametersByName, type ReferencePass } from "./reference-network.ts";
import { runBackward } from "./reference-backward.ts";
import type { Tensor } from "./reference-operations.ts";
import { referenceEngine, tensorsOf } from "./reference-session.ts";
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
const exactly = (value: number): number => value;

describe("the float64 reference", () => {
  it.each(PLACES)("has the gradients of its own loss: $title", (place) => {
    const { graph, layout } = graphAt(place, SMALL);
    const { height, width, channels } = graph.inputShape;
    const images: Tensor = {
      shape: [4, height, width, channels],
      values: Float64Array.from(randomBatch(graph, 4, 1).values),
    };
    const random = new SeededValues(2);
    const answers = Float64Array.from({ length: 4 * graph.classes }, () => random.normal());
    const run = (parameters: ParametersByName): { pass: ReferencePass; loss: ReferenceLoss } => {
      const pass = runForward(graph, parameters, images, { size: 2, clean: 2 }, exactly);
      const logits = { shape: pass.logits.shape, values: answers };
      return { pass, loss: referenceLoss(pass.logits, { logits, temperature: 1.7 }) };
    };
    // No rectifier may turn within a difference: the first student for which none is near to it.
    const parameters = Array.from({ length: 50 }, (_, seed) =>
      tensorsOf(layout, randomState(layout, seed)),
    ).find((drawn) => run(drawn).pass.rectifierMargin > 1e-3);
    if (!parameters) throw new Error("every student has a rectifier near its threshold");
    const { pass, loss } = run(parameters);
    const gradients = runBackward(graph, parameters, pass, loss.dLogits, exactly);
    for (const [name, { values }] of gradients) {
      const x = name === graph.input ? images : parameters.get(name)!;
      const { measured, of } = slopes(() => run(parameters).loss.loss, x.values);
      expect(of(values), name).toBeAllclose(measured, { l2: 1e-7, floor: 1e-2 });
    }
    expect(gradients.size).toBe(
      1 + layout.entries.filter(({ offset }) => offset < layout.trainableLength).length,
    );
  });

  it("[D1][D3][D5] reproduces PyTorch's run of three steps within 1e-4, every tensor", async () => {
    const errors = await reproduce(referenceEngine(), await goldenW4());
    expect(Object.keys(errors)).toHaveLength(1 + 62 + 1 + 3 + 102 + 1);
    expect(Object.entries(errors).filter(([, error]) => !(error <= 1e-4))).toEqual([]);
  });
});
