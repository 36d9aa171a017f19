import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import { checkStatistics, poolStatistics } from "../../../../protocol/reinit/statistics.ts";
import { problem } from "../problem.ts";

const graph = resnet18({ width: 1, classes: 3 });
const layout = stateLayout(graph);
const { trainableLength } = layout;
const length = layout.length - trainableLength;
const placeOf = (name: string) =>
  layout.entries.find((entry) => entry.name === name)!.offset - trainableLength;
const MEAN = placeOf("layer2.0.bn1.running_mean") + 1;
const VARIANCE = placeOf("layer2.0.bn1.running_var") + 1;

/** A section that holds one mean and one variance everywhere. */
function section(mean: number, variance: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(length);
  for (const { offset, role, size } of layout.entries) {
    const at = offset - trainableLength;
    if (role === "running-mean") values.fill(mean, at, at + size);
    if (role === "running-variance") values.fill(variance, at, at + size);
  }
  return values;
}

const pooledOf = (...said: readonly (readonly [mean: number, variance: number])[]) => {
  const pooled = poolStatistics(
    graph,
    layout,
    said.map(([mean, variance]) => section(mean, variance)),
  );
  return [pooled[MEAN], pooled[VARIANCE]];
};

/** Apart where only the sign of a zero is. */
const bits = (values: readonly (number | undefined)[]) =>
  values.map((value) => (Object.is(value, -0) ? "-0" : String(value)));

const float = (min: number, max: number) =>
  fc.float({ min: Math.fround(min), max: Math.fround(max), noNaN: true });
const person = fc.tuple(float(-50, 50), float(0, 50));

describe("pooled statistics", () => {
  it("[B5] of one participant, or of equal ones, are theirs to the bit", () => {
    const own = Float32Array.from({ length }, (_, i) => Math.fround(0.1 + i / 7));
    expect(poolStatistics(graph, layout, [own])).toEqual(own);
    expect(poolStatistics(graph, layout, [own, own, own, own])).toEqual(own);
  });

  it("[B5] of two are those of their images together: spread between them counts", () => {
    expect(pooledOf([0, 1], [4, 3])).toEqual([2, 2 + 4]);
  });

  it("[B5] are medians of means and of mean squared distances from that median", () => {
    expect(pooledOf([0, 1], [1, 1], [10, 1])).toEqual([1, 2]);
    expect(pooledOf([0, 1], [1, 1], [3, 1], [10, 1])).toEqual([2, (2 + 5) / 2]);
  });

  it("[B5] [R8] do not depend on the order of participants", () => {
    fc.assert(
      fc.property(
        fc
          .array(person, { minLength: 1, maxLength: 7 })
          .chain((people) =>
            fc.tuple(
              fc.constant(people),
              fc.shuffledSubarray(people, { minLength: people.length }),
            ),
          ),
        ([people, shuffled]) => {
          expect(bits(pooledOf(...shuffled))).toEqual(bits(pooledOf(...people)));
        },
      ),
    );
  });

  it("[B5.1] move under fewer than half who lie only among what the others say", () => {
    const lie = fc.tuple(float(-1e15, 1e15), float(0, 1e30));
    fc.assert(
      fc.property(
        fc.array(person, { minLength: 2, maxLength: 6 }),
        fc.array(lie, { minLength: 1, maxLength: 5 }),
        (honest, lies) => {
          fc.pre(lies.length < honest.length);
          const [mean, variance] = pooledOf(...honest, ...lies) as [number, number];
          const means = honest.map(([of]) => of);
          const variances = honest.map(([, of]) => of);
          const range = Math.max(...means) - Math.min(...means);
          expect(mean).toBeGreaterThanOrEqual(Math.min(...means));
          expect(mean).toBeLessThanOrEqual(Math.max(...means));
          expect(variance).toBeGreaterThanOrEqual(Math.min(...variances));
          const most = Math.max(...variances) + range ** 2;
          expect(variance).toBeLessThanOrEqual(most * (1 + 1e-6));
        },
      ),
    );
  });

  it("need participants, and sections of the layout's length", () => {
    expect(() => poolStatistics(graph, layout, [])).toThrow(RangeError);
    expect(() => poolStatistics(graph, layout, [new Float32Array(length - 1)])).toThrow(
      `has ${length} statistics`,
    );
  });
});

describe("statistics at the door", () => {
  const teacher = section(2, 4);
  const changed = (at: number, value: number) => {
    const values = section(2.5, 3);
    values[at] = value;
    return values;
  };

  it("[B4] may lie far from the teacher's, where images are unlike its own", () => {
    checkStatistics(graph, layout, teacher, section(200, 0));
    checkStatistics(graph, layout, teacher, section(-200, 4e6));
  });

  it.each([
    ["a variance below 0", VARIANCE, -1e-6, "layer2.0.bn1.running_var", "no variance"],
    ["a variance that is none", VARIANCE, Number.NaN, "layer2.0.bn1.running_var", "no variance"],
    ["a variance without bounds", VARIANCE, 1e10, "layer2.0.bn1.running_var", "100000000 times"],
    ["a mean without bounds", MEAN, -3e4, "layer2.0.bn1.running_mean", "10000 deviations"],
    ["a mean that is none", MEAN, Number.NaN, "layer2.0.bn1.running_mean", "deviations"],
  ])("[B4] refuses %s, naming tensor and channel", (_, at, value, tensor, why) => {
    const message = problem("malformed-update", () =>
      checkStatistics(graph, layout, teacher, changed(at, value)),
    );
    expect(message).toContain(`'${tensor}' at channel 1`);
    expect(message).toContain(why);
  });

  it("[B4] are checked in runs as in one", () => {
    const run = changed(VARIANCE, -1).subarray(MEAN, VARIANCE + 1);
    expect(() => checkStatistics(graph, layout, teacher, run, MEAN)).toThrow("channel 1");
    checkStatistics(graph, layout, teacher, run.subarray(0, -1), MEAN);
  });
});
