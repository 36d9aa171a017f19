import { describe, expect, it } from "vitest";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import { defaultStageRatio, reinitRatios } from "../../../../protocol/reinit/strategy.ts";
import { recognise } from "../../../../protocol/model/recognise.ts";
import { reinitStrategySchema } from "../../../../protocol/reinit/strategy-schema.ts";
import { readFixture } from "../../../fixtures/architectures/read-fixture.ts";
import { problem } from "../problem.ts";

const graph = resnet18({ width: 2, classes: 3 });

/** Ratios of a stem, layer1…4, head and batch-norm parameter. */
const sample = (ratios: ReadonlyMap<string, number>) =>
  [
    "conv1.weight",
    "layer1.1.conv2.weight",
    "layer2.0.shortcut.0.weight",
    "layer3.0.conv1.weight",
    "layer4.1.conv2.weight",
    "fc.weight",
    "fc.bias",
    "bn1.weight",
    "layer4.1.bn2.running_var",
  ].map((name) => ratios.get(name));

const refused = (strategy: Parameters<typeof reinitRatios>[1], strength = 1) =>
  problem("malformed-request", () => reinitRatios(graph, strategy, strength));

describe("strategy", () => {
  it("[I5] has the BCU release's ratios as default, as the decimals' own doubles", () => {
    expect(sample(reinitRatios(graph, { kind: "layerwise" }, 1))).toEqual([
      0.01, 0.01, 0.03, 0.09, 0.27, 0.1, 0.1, 0, 0,
    ]);
    expect([1, 2, 3, 4, 5, 6].map((stage) => defaultStageRatio(stage, 6))).toEqual([
      1 / 900,
      1 / 300,
      0.01,
      0.03,
      0.09,
      0.27,
    ]);
    expect([1, 2, 3].map((stage) => defaultStageRatio(stage, 3))).toEqual([0.01, 0.03, 0.09]);
  });

  it("[I5] multiplies every ratio by the strength, at most to 1", () => {
    expect(sample(reinitRatios(graph, { kind: "layerwise" }, 4))).toEqual([
      0.04, 0.04, 0.12, 0.36, 1, 0.4, 0.4, 0, 0,
    ]);
    expect(sample(reinitRatios(graph, { kind: "layerwise" }, 0))).toEqual([
      0, 0, 0, 0, 0, 0, 0, 0, 0,
    ]);
  });

  it("[I5] takes ratios per stage, a head of its own, or one for all", () => {
    const layerwise = { kind: "layerwise", ratios: [0.1, 0.2, 0.3, 0.4], head: 0.5 } as const;
    const strategy = { ...layerwise, ratios: [...layerwise.ratios] };
    expect(sample(reinitRatios(graph, strategy, 1))).toEqual([
      0.1, 0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0, 0,
    ]);
    expect(sample(reinitRatios(graph, { kind: "uniform", ratio: 0.25 }, 2))).toEqual([
      0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0, 0,
    ]);
  });

  it("[I5.1] re-initialises weights and linear biases, and nothing else", async () => {
    const { network, tensorsInFile } = await readFixture("vit-timm");
    const vit = recognise(tensorsInFile, network).graph;
    const ratios = reinitRatios(vit, { kind: "uniform", ratio: 0.5 }, 1);
    const touched = vit.parameters.filter(({ name }) => ratios.get(name)! > 0);
    expect(new Set(touched.map(({ role }) => role))).toEqual(
      new Set(["conv-weight", "linear-weight", "linear-bias"]),
    );
  });

  it.each(["lipschitz", "bn-divergence"] as const)(
    "[I5.2] refuses %s where no convolution has a batch norm, and says why",
    async (kind) => {
      const { network, tensorsInFile } = await readFixture("vit-timm");
      const vit = recognise(tensorsInFile, network).graph;
      const strategy = reinitStrategySchema.parse({ kind });
      expect(problem("malformed-request", () => reinitRatios(vit, strategy, 1))).toMatch(
        /scores convolutions by the batch norms behind them, and vit_patch8-32 has none/,
      );
    },
  );

  it("[I5] refuses ratios that do not fit the graph", () => {
    expect(refused({ kind: "layerwise", ratios: [0.1] })).toMatch(/1 ratios.*4 depth stages/);
    expect(refused({ kind: "uniform", ratio: 1.5 })).toContain("1.5");
    expect(refused({ kind: "layerwise", head: Number.NaN })).toContain("NaN");
    expect(refused({ kind: "layerwise" }, -1)).toContain("strength");
    expect(refused({ kind: "layerwise" }, Infinity)).toContain("strength");
  });
});
