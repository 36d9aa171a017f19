import { expect, it } from "vitest";
import { statisticsDistance } from "../../../client/distil/statistics-distance.ts";
import { resnet18 } from "../../../protocol/model/architectures/resnet18.ts";
import type { Graph, Operation } from "../../../protocol/model/graph.ts";
import { stateLayout } from "../../../protocol/model/state-layout.ts";

const graph = resnet18({ width: 4, classes: 3 });
const layout = stateLayout(graph);
const teacher = new Float32Array(layout.length - layout.trainableLength);
for (const { name, offset, size } of layout.entries) {
  if (offset < layout.trainableLength) continue;
  const isVariance = name.endsWith("running_var");
  teacher.fill(isVariance ? 4 : 1, offset - layout.trainableLength).subarray(0, size);
}
const IMAGES = 1e6;

/** The teacher's statistics, its variances times a factor. */
const scaled = (factor: number): Float32Array => {
  const measured = teacher.slice();
  for (const { name, offset, size } of layout.entries) {
    if (offset < layout.trainableLength || !name.endsWith("running_var")) continue;
    const from = offset - layout.trainableLength;
    for (let i = from; i < from + size; i++) measured[i]! *= factor;
  }
  return measured;
};

it("[F1.2] is the divergence of two Gaussians of each norm's median channel, the mean over norms", () => {
  const own = statisticsDistance(graph, layout, teacher, teacher, IMAGES);
  expect(own).toBe(0);
  const twice = statisticsDistance(graph, layout, teacher, scaled(2), IMAGES);
  expect(twice).toBeCloseTo(0.5 * Math.log(1 / 2) + 1 - 0.5, 4);
});

it("[F1.2] is not moved by a few channels of a norm, however far they are", () => {
  const measured = teacher.slice();
  for (const { name, offset } of layout.entries) {
    if (offset < layout.trainableLength || !name.endsWith("running_mean")) continue;
    measured[offset - layout.trainableLength] = 1e6;
  }
  expect(statisticsDistance(graph, layout, teacher, measured, IMAGES)).toBe(0);
});

it("[F1.2] takes off what chance gives with few images, and is never negative", () => {
  const exact = statisticsDistance(graph, layout, teacher, scaled(2), IMAGES);
  const few = statisticsDistance(graph, layout, teacher, scaled(2), 20);
  expect(exact - few).toBeCloseTo(1 / 20, 4);
  expect(statisticsDistance(graph, layout, teacher, scaled(1.01), 20)).toBe(0);
});

it("[L7] leaves out norms that stand in for others, whose statistics say nothing", () => {
  const [first, ...others] = graph.operations.filter(({ kind }) => kind === "batch-norm");
  const standing = (norms: readonly Operation[]): Graph => ({
    ...graph,
    operations: graph.operations.map((operation) =>
      norms.includes(operation) ? Object.assign({}, operation, { standsIn: true }) : operation,
    ),
  });
  const measured = teacher.slice();
  const { offset, size } = layout.entries.find(({ name }) => name === "bn1.running_var")!;
  const from = offset - layout.trainableLength;
  measured.fill(8, from, from + size);
  const distance = (norms: readonly Operation[]) =>
    statisticsDistance(standing(norms), layout, teacher, measured, IMAGES);
  expect(distance([first!])).toBe(0);
  expect(distance(others)).toBeCloseTo(0.5 * Math.log(1 / 2) + 1 - 0.5, 4);
  expect(distance([first!, ...others])).toBeNaN();
});
