import { describe, expect, it } from "vitest";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import { importModel, readRun, sourceRuns } from "../../../../protocol/model/model-import.ts";
import { entryView } from "../../../../protocol/model/state-layout.ts";
import {
  writeSafetensors,
  type TensorToWrite,
} from "../../../../protocol/formats/safetensors/writer.ts";
import { problem } from "../problem.ts";
import { stepCounter, tensorsOf } from "./model-file.ts";

const graph = resnet18({ width: 2, classes: 3 });

const withValue = (tensor: string, index: number, value: number): Uint8Array =>
  writeSafetensors(
    tensorsOf(graph).map((other): TensorToWrite => {
      if (other.name === tensor && "values" in other) other.values[index] = value;
      return other;
    }),
  );

describe("model import", () => {
  it.each(["F32", "F16", "BF16"] as const)(
    "[S1] reads %s weights into the state vector",
    (dtype) => {
      const tensors = [stepCounter("bn1.num_batches_tracked", 3n), ...tensorsOf(graph, dtype)];
      const { layout, state } = importModel(writeSafetensors(tensors));
      expect(state).toHaveLength(layout.length);
      for (const entry of layout.entries) {
        const tensor = tensors.find(({ name }) => name === entry.name)!;
        expect("values" in tensor && tensor.values).toEqual(
          Float32Array.from(entryView(state, entry)),
        );
      }
    },
  );

  it("[S1] reads any run of the state vector without the rest of the file", () => {
    const file = writeSafetensors([
      ...tensorsOf(graph, "F16").slice(0, 50),
      stepCounter("x.num_batches_tracked", 3n),
      ...tensorsOf(graph, "F32").slice(50),
    ]);
    const { header, layout, state } = importModel(file);
    const step = 613;
    for (let offset = 0; offset < layout.length; offset += step) {
      const length = Math.min(step, layout.length - offset);
      const values = sourceRuns(header, layout, offset, length).flatMap((run) =>
        Array.from(readRun(run, file.slice(run.begin, run.end))),
      );
      expect(values).toEqual([...state.subarray(offset, offset + length)]);
    }
    expect(() => sourceRuns(header, layout, layout.length, 1)).toThrow(RangeError);
    const run = sourceRuns(header, layout, 0, 5)[0]!;
    problem("malformed-model", () => readRun(run, new Uint8Array(1)));
  });

  it.each([NaN, Infinity, -Infinity])("[W5] names the tensor and index of %d", (value) => {
    const file = withValue("layer2.0.conv1.weight", 17, value);
    const message = problem("non-finite-weights", () => importModel(file));
    expect(message).toMatch(/'layer2.0.conv1.weight'.* at index 17/);
    expect(message).toContain(String(value));
  });

  it("[W5] names the index within the tensor when only a run is read", () => {
    const file = withValue("fc.weight", 9, -1);
    const { header, layout } = importModel(file);
    const { offset } = layout.entries.find(({ name }) => name === "fc.weight")!;
    const run = sourceRuns(header, layout, offset + 5, 10)[0]!;
    const bytes = file.slice(run.begin, run.end);
    new DataView(bytes.buffer).setFloat32(4 * 4, NaN, true);
    expect(problem("non-finite-weights", () => readRun(run, bytes))).toContain("index 9");
  });

  it("[W5] refuses a negative running variance, and nothing else that is negative", () => {
    expect(
      problem("non-finite-weights", () => importModel(withValue("bn1.running_var", 1, -1e-6))),
    ).toMatch(/'bn1.running_var' holds the variance -.* at index 1/);
    expect(importModel(withValue("bn1.running_var", 1, -0)).state.length).toBeGreaterThan(0);
    expect(importModel(withValue("bn1.running_mean", 1, -3)).state.length).toBeGreaterThan(0);
  });
});
