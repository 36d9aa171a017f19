import { describe, expect, it } from "vitest";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import { bytesInMemory } from "../../../../protocol/formats/byte-source.ts";
import { importModel, openModel, readState } from "../../../../protocol/formats/import-model.ts";
import { entryView } from "../../../../protocol/model/state-layout.ts";
import {
  writeSafetensors,
  type TensorToWrite,
} from "../../../../protocol/formats/safetensors/writer.ts";
import { refusal } from "../problem.ts";
import { stepCounter, tensorsOf } from "./tensors-to-write.ts";

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
    async (dtype) => {
      const tensors = [stepCounter("bn1.num_batches_tracked", 3n), ...tensorsOf(graph, dtype)];
      const { layout, state } = await importModel(writeSafetensors(tensors));
      expect(state).toHaveLength(layout.length);
      for (const entry of layout.entries) {
        const tensor = tensors.find(({ name }) => name === entry.name)!;
        expect("values" in tensor && tensor.values).toEqual(
          Float32Array.from(entryView(state, entry)),
        );
      }
    },
  );

  it("[S1] reads any run of the state vector without the rest of the file", async () => {
    const file = writeSafetensors([
      ...tensorsOf(graph, "F16").slice(0, 50),
      stepCounter("x.num_batches_tracked", 3n),
      ...tensorsOf(graph, "F32").slice(50),
    ]);
    const { layout, state } = await importModel(file);
    let read = 0;
    const model = await openModel({
      totalBytes: file.length,
      read: (begin, end) => {
        read += end - begin;
        return Promise.resolve(file.slice(begin, end));
      },
    });
    const step = 613;
    for (let offset = 0; offset < layout.length; offset += step) {
      const length = Math.min(step, layout.length - offset);
      const values = await readState(model, offset, length);
      expect(values).toEqual(state.slice(offset, offset + length));
    }
    const last = layout.entries.at(-1)!;
    read = 0;
    await readState(model, last.offset, 2);
    expect(read).toBe(8);
    await expect(readState(model, layout.length, 1)).rejects.toThrow(RangeError);
  });

  it("reads what lies close together in one go, and what does not by itself", async () => {
    const file = writeSafetensors(tensorsOf(resnet18({ width: 16, classes: 3 })));
    const readings: number[] = [];
    const model = await openModel({
      totalBytes: file.length,
      read: (begin, end) => {
        readings.push(end - begin);
        return file.subarray(begin, end);
      },
    });
    // The file's start, and its header.
    expect(readings).toHaveLength(2);
    readings.length = 0;
    const { length, trainableLength } = model.layout;
    await readState(model, trainableLength, length - trainableLength);
    expect(readings.length).toBeGreaterThan(1);
    expect(readings.length).toBeLessThan(40);
    expect(readings.reduce((sum, bytes) => sum + bytes)).toBeLessThan(file.length / 2);
  });

  it("refuses a source that gives fewer bytes than were asked for", async () => {
    const file = writeSafetensors(tensorsOf(graph));
    const whole = bytesInMemory(file);
    let isOpen = false;
    const model = await openModel({
      ...whole,
      read: (begin, end) => whole.read(begin, isOpen ? end - 1 : end),
    });
    isOpen = true;
    expect(await refusal("malformed-model", readState(model, 0, 5))).toContain("19 came");
  });

  it.each([NaN, Infinity, -Infinity])("[W5] names the tensor and index of %d", async (value) => {
    const file = withValue("layer2.0.conv1.weight", 17, value);
    const message = await refusal("non-finite-weights", importModel(file));
    expect(message).toMatch(/'layer2.0.conv1.weight'.* at index 17/);
    expect(message).toContain(String(value));
  });

  it("[W5] names the index within the tensor when only a run is read", async () => {
    const model = await openModel(bytesInMemory(withValue("fc.weight", 9, NaN)));
    const { offset } = model.layout.entries.find(({ name }) => name === "fc.weight")!;
    const message = await refusal("non-finite-weights", readState(model, offset + 5, 10));
    expect(message).toContain("index 9");
    expect(await readState(model, offset + 10, 5)).toHaveLength(5);
  });

  it("[W5] refuses a negative running variance, and nothing else that is negative", async () => {
    const negative = withValue("bn1.running_var", 1, -1e-6);
    expect(await refusal("non-finite-weights", importModel(negative))).toMatch(
      /'bn1.running_var' holds the variance -.* at index 1/,
    );
    for (const [name, value] of [
      ["bn1.running_var", -0],
      ["bn1.running_mean", -3],
    ] as const) {
      expect((await importModel(withValue(name, 1, value))).state.length).toBeGreaterThan(0);
    }
  });
});
