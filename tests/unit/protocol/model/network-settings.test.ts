import { describe, expect, it } from "vitest";
import { importModel } from "../../../../protocol/formats/import-model.ts";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import type { NamedTensor } from "../../../../protocol/model/named-tensor.ts";
import {
  NETWORK_METADATA,
  type NetworkSettings,
} from "../../../../protocol/model/network-settings.ts";
import { recognise } from "../../../../protocol/model/recognise.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import { modelFile } from "../../../../client/attack/fresh-model.ts";
import { readFixture } from "../../../fixtures/architectures/read-fixture.ts";
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

  it("[G4.1] is asked of what files of one form have in common: timm's MobileNetV3 from TensorFlow", async () => {
    const { tensorsInFile } = await readFixture("mobilenetv3-small-timm");
    const drawn = (network: NetworkSettings, files = tensorsInFile) => {
      const { assumed, graph } = recognise(files, network);
      const stem = graph.operations.find(({ kind }) => kind === "conv2d");
      const norm = graph.operations.find(({ kind }) => kind === "batch-norm");
      const activations = graph.operations.flatMap((operation) =>
        operation.kind === "activation" ? [operation.activation] : [],
      );
      return { assumed, stem, norm, activations };
    };
    const usual = drawn({ size: 64 });
    expect(usual.assumed).toContain("convPadding");
    expect(usual).toMatchObject({ stem: { padding: { top: 1, bottom: 1 } } });
    const tensorflow = drawn({ size: 64, convPadding: "same" });
    expect(tensorflow).toMatchObject({
      stem: { padding: { top: 0, bottom: 1 } },
      norm: { epsilon: 1e-3 },
    });
    const minimal = tensorsInFile.filter(({ name }) => !name.includes(".se."));
    expect(new Set(drawn({ convPadding: "same" }, minimal).activations)).toEqual(new Set(["relu"]));
    expect(usual.activations).toContain("hard-swish");
  });

  it("[G4.1] is refused where tensors tell of a size that no campaign can have", async () => {
    const { tensorsInFile } = await readFixture("vit-timm");
    const others = tensorsInFile.filter(({ name }) => name !== "pos_embed");
    const positions = tensorsInFile.find(({ name }) => name === "pos_embed")!;
    const patch = others.find(({ name }) => name === "patch_embed.proj.weight")!.shape[2]!;
    const of = (side: number): NamedTensor[] => [
      { ...positions, shape: [1, side ** 2 + 1, positions.shape[2]!] },
      ...others,
    ];
    expect(recognise(of(256 / patch), { heads: 3 }).network.size).toBe(256);
    for (const side of [256 / patch + 1, 16 / patch - 1]) {
      expect(problem("unsupported-model", () => recognise(of(side)))).toMatch(
        new RegExp(`reads images of ${side * patch} pixels, and Scour takes 16 to 256`),
      );
    }
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
