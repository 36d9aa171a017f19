import { describe, expect, it } from "vitest";
import { importModel } from "../../../../protocol/formats/import-model.ts";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import type { NamedTensor } from "../../../../protocol/model/named-tensor.ts";
import { NETWORK_METADATA } from "../../../../protocol/model/network-settings.ts";
import { recognise } from "../../../../protocol/model/recognise.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import { modelFile } from "../../../../client/attack/fresh-model.ts";
import { problem } from "../problem.ts";

const own = resnet18({ width: 2, classes: 3 });

function tensors(rename = (name: string) => name): NamedTensor[] {
  return own.parameters.map(({ name, shape }) => ({
    name: rename(name),
    shape,
    dtype: "F32",
    values: "floats",
  }));
}

const asTorchvision = (name: string) => name.replace("shortcut", "downsample");

describe("what tensors do not tell", () => {
  it("[G4] [G4.3] is answered in full: with the answers the same file gives the same graph", () => {
    const { graph, network, assumed } = recognise(tensors(), { size: 64, stemPool: "max" });
    expect(graph.inputShape).toEqual({ height: 64, width: 64, channels: 3 });
    expect(graph.operations.map(({ kind }) => kind)).toContain("max-pool");
    expect(network).toEqual({ size: 64, epsilon: 1e-5, stemStride: 1, stemPool: "max" });
    expect(assumed).toEqual(["epsilon", "stemStride"]);
    expect(recognise(tensors(), network)).toMatchObject({ graph, network, assumed: [] });
  });

  it("[G4.1] is what is usual where files are of one form, and asked for where they are not", () => {
    expect(recognise(tensors()).graph).toEqual(own);
    const files = tensors(asTorchvision);
    expect(problem("malformed-request", () => recognise(files))).toMatch(
      /max-pool stands behind the 3×3 stem.*network.stemPool \(one of none, max\)/,
    );
    expect(recognise(files, { stemPool: "none" }).graph.operations).toHaveLength(
      own.operations.length,
    );
  });

  it("[G4.1] is refused where the family does not ask for it", () => {
    expect(
      problem("malformed-request", () => recognise(tensors(), { shortcutPadding: "both" })),
    ).toMatch(/network.shortcutPadding/);
    expect(problem("malformed-request", () => recognise(tensors(), { size: 64 }, own))).toMatch(
      /network.size.*32 pixels/,
    );
  });

  it("[G4.2] may stand in the file's metadata, and the configuration comes before it", async () => {
    const layout = stateLayout(own);
    const file = (text: string) =>
      modelFile(layout, new Float32Array(layout.length), { [NETWORK_METADATA]: text });
    const says = file('{"size":48}');
    expect((await importModel(says)).network.size).toBe(48);
    expect((await importModel(says, { size: 16 })).network.size).toBe(16);
    await expect(importModel(file('{"sise":48}'))).rejects.toThrow(/scour.network/);
  });
});
