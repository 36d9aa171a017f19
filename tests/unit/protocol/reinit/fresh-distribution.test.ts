import { expect, it } from "vitest";
import { recognise } from "../../../../protocol/model/recognise.ts";
import { freshDistributions, freshValue } from "../../../../protocol/reinit/fresh-distribution.ts";
import { readFixture } from "../../../fixtures/architectures/read-fixture.ts";

it("[I4] convolutions are drawn by the larger of fan-in and fan-out, whichever way a network narrows", async () => {
  const { network, tensorsInFile } = await readFixture("mobilenetv2-cifar");
  const fresh = freshDistributions(recognise(tensorsInFile, network).graph);
  // Of 5 channels into 15, each by itself, and of 15 into 5.
  const stds = [
    ["conv1", 15],
    ["conv2", 9 * 15],
    ["conv3", 15],
  ] as const;
  for (const [layer, fan] of stds) {
    const weight = `layers.7.${layer}.weight`;
    expect(fresh.get(weight), weight).toEqual({ kind: "normal", std: Math.sqrt(2 / fan) });
  }
});

it("[I4] linear layers of tokens are drawn as transformers draw them, the head as PyTorch's Linear", async () => {
  const { network, tensorsInFile } = await readFixture("vit-timm");
  const fresh = freshDistributions(recognise(tensorsInFile, network).graph);
  expect(fresh.get("blocks.0.attn.qkv.weight")).toEqual({ kind: "normal", std: 0.02 });
  expect(fresh.get("blocks.0.mlp.fc1.bias")).toEqual({ kind: "zero" });
  expect(fresh.get("head.bias")).toEqual({ kind: "uniform", bound: 1 / Math.sqrt(12) });
  expect(
    ["pos_embed", "blocks.0.norm1.weight", "patch_embed.proj.bias"].map((n) => fresh.has(n)),
  ).toEqual([false, false, false]);
  expect(Object.is(freshValue({ kind: "zero" }, 0.2), 0)).toBe(true);
});
