import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import { MAX_SLICE_VALUES, stateLayout } from "../../../../protocol/model/state-layout.ts";
import { problem } from "../problem.ts";

const graph = resnet18({ width: 3, classes: 4 });
const names = graph.parameters.map(({ name }) => name);

const statistic = (name: string) => /running_(mean|var)$/.test(name);

describe("state layout", () => {
  it("[S1] puts trainable tensors before running statistics, each in file order", () => {
    const order = fc.shuffledSubarray(names, { minLength: names.length });
    fc.assert(
      fc.property(order, (fileOrder) => {
        const layout = stateLayout(graph, ["other", ...fileOrder]);
        expect(layout.entries.map(({ name }) => name)).toEqual([
          ...fileOrder.filter((name) => !statistic(name)),
          ...fileOrder.filter(statistic),
        ]);
        let offset = 0;
        for (const entry of layout.entries) {
          if (entry.role === "running-mean" || entry.role === "running-variance") {
            expect(entry.offset).toBeGreaterThanOrEqual(layout.trainableLength);
          }
          expect(entry.offset).toBe(offset);
          offset += entry.size;
        }
        expect(layout.length).toBe(offset);
      }),
      { numRuns: 20 },
    );
  });

  it("[S2] [S3] [S4] cuts the vector into slices that cover it and never mix sections", () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 30_000 }), (most) => {
        const layout = stateLayout(graph, names, most);
        let offset = 0;
        layout.slices.forEach((slice, index) => {
          expect([slice.index, slice.offset]).toEqual([index, offset]);
          expect(slice.length).toBeGreaterThan(0);
          expect(slice.length).toBeLessThanOrEqual(most);
          const end = slice.offset + slice.length;
          if (slice.section === "trainable")
            expect(end).toBeLessThanOrEqual(layout.trainableLength);
          else expect(slice.offset).toBeGreaterThanOrEqual(layout.trainableLength);
          offset = end;
        });
        expect(offset).toBe(layout.length);
      }),
    );
  });

  it("[S2] gives ResNet-18 at width 64 22 slices and 11,173,962 trainable values", () => {
    const layout = stateLayout(resnet18({ width: 64, classes: 10 }));
    expect(layout.trainableLength).toBe(11_173_962);
    expect(layout.slices).toHaveLength(Math.ceil(11_173_962 / MAX_SLICE_VALUES) + 1);
  });

  it("names a tensor that the file lacks", () => {
    const message = problem("unsupported-model", () => stateLayout(graph, names.slice(1)));
    expect(message).toContain(names[0]);
  });
});
