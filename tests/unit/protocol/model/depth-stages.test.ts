import { describe, expect, it } from "vitest";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import { depthStages } from "../../../../protocol/model/depth-stages.ts";
import { recognise } from "../../../../protocol/model/recognise.ts";
import { readFixture } from "../../../fixtures/architectures/read-fixture.ts";
import { allSides, type Graph, type Operation } from "../../../../protocol/model/graph.ts";

const backwards = (text: string) => [...text].toReversed().join("");
const rename = (name: string) => `layer4.${backwards(name)}`;

/** Stages of some of a fixture's tensors. */
async function stagesOf(
  fixture: string,
  names: readonly string[],
): Promise<{ stages: unknown[]; count: number }> {
  const { network, tensorsInFile } = await readFixture(fixture);
  const { byParameter, count } = depthStages(recognise(tensorsInFile, network).graph);
  return { stages: names.map((name) => byParameter.get(name)), count };
}

describe("depth stages", () => {
  it("[G3] follow ResNet-18's resolutions, the stem together with layer1", () => {
    const graph = resnet18({ width: 2, classes: 3 });
    const { byParameter, count } = depthStages(graph);
    expect(count).toBe(4);
    for (const { name } of graph.parameters) {
      const layer = /^layer(\d)/.exec(name)?.[1];
      const expected = name.startsWith("fc.") ? "head" : layer === undefined ? 1 : Number(layer);
      expect(byParameter.get(name), name).toBe(expected);
    }
  });

  it("[G3] take no notice of names", () => {
    const graph = resnet18({ width: 2, classes: 3 });
    const renamed: Graph = {
      ...graph,
      parameters: graph.parameters.map((parameter) => ({
        ...parameter,
        name: rename(parameter.name),
      })),
      operations: graph.operations.map((operation) => {
        const changed: Record<string, unknown> = { ...operation };
        for (const key of ["weight", "bias", "scale", "shift", "runningMean", "runningVariance"]) {
          if (typeof changed[key] === "string") changed[key] = rename(changed[key]);
        }
        return changed as unknown as Operation;
      }),
    };
    const stages = depthStages(graph).byParameter;
    for (const [name, stage] of depthStages(renamed).byParameter) {
      const original = backwards(name.slice("layer4.".length));
      expect(stage).toBe(stages.get(original));
    }
  });

  it("[G3] give a strided stem the stage of its output, which is the first", () => {
    const graph: Graph = {
      architecture: "strided",
      input: "image",
      inputShape: { height: 32, width: 32, channels: 3 },
      output: "logits",
      classes: 2,
      operations: [
        {
          kind: "conv2d",
          input: "image",
          output: "a",
          weight: "a",
          stride: [2, 2],
          padding: allSides(1),
          dilation: [1, 1],
          groups: 1,
        },
        {
          kind: "conv2d",
          input: "a",
          output: "b",
          weight: "b",
          stride: [2, 2],
          padding: allSides(1),
          dilation: [1, 1],
          groups: 1,
        },
        { kind: "global-average-pool", input: "b", output: "p" },
        { kind: "linear", input: "p", output: "logits", weight: "w", bias: "c" },
      ],
      parameters: [
        { name: "a", role: "conv-weight", shape: [4, 3, 3, 3] },
        { name: "b", role: "conv-weight", shape: [4, 4, 3, 3] },
        { name: "w", role: "linear-weight", shape: [2, 4] },
        { name: "c", role: "linear-bias", shape: [2] },
      ],
    };
    expect(Object.fromEntries(depthStages(graph).byParameter)).toEqual({
      a: 1,
      b: 2,
      w: "head",
      c: "head",
    });
  });

  it("[G3] take a classifier's linear layers for the head, however many", async () => {
    const names = ["features.0.weight", "features.34.weight", "classifier.0.weight"];
    const { count, stages } = await stagesOf("vgg19-torchvision", [...names, "classifier.6.bias"]);
    expect({ count, stages }).toEqual({ count: 5, stages: [1, 5, "head", "head"] });
    const timm = await stagesOf("mobilenetv3-small-timm", ["conv_head.weight", "classifier.bias"]);
    expect(timm.stages).toEqual(["head", "head"]);
  });

  it("[G3.2] give squeeze and excitation the stage of the map that it scales", async () => {
    const { count, stages } = await stagesOf("efficientnet-b0-torchvision", [
      "features.1.0.block.1.fc1.weight",
      "features.2.0.block.2.fc2.weight",
      "features.7.0.block.2.fc1.bias",
      "features.7.0.block.1.0.weight",
    ]);
    expect({ count, stages }).toEqual({ count: 5, stages: [1, 2, 5, 5] });
  });

  it("[G3.1] [G3.3] follow quarters of the residual sums where the resolution never drops", async () => {
    const names = ["patch_embed.proj.weight", "pos_embed", "blocks.0.attn.qkv.weight"];
    // Three blocks of two sums each.
    const { count, stages } = await stagesOf("vit-timm", [
      ...names,
      "blocks.1.attn.proj.weight",
      "blocks.1.mlp.fc1.weight",
      "blocks.2.attn.qkv.weight",
      "blocks.2.mlp.fc2.weight",
      "norm.weight",
      "head.weight",
    ]);
    expect({ count, stages }).toEqual({ count: 4, stages: [1, 1, 1, 2, 3, 3, 4, 4, "head"] });
  });
});
