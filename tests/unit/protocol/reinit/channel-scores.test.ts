import { describe, expect, it } from "vitest";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import {
  allSides,
  type Graph,
  type Operation,
  type Parameter,
} from "../../../../protocol/model/graph.ts";
import { entryView, stateLayout } from "../../../../protocol/model/state-layout.ts";
import { outlierChannels } from "../../../../protocol/reinit/channel-ratios.ts";
import {
  channelScores,
  divergenceScores,
  lipschitzScores,
  type ChannelScores,
} from "../../../../protocol/reinit/channel-scores.ts";
import { normalisedConvolutions } from "../../../../protocol/reinit/normalised-convolutions.ts";
import { reinitStrategySchema } from "../../../../protocol/reinit/strategy-schema.ts";
import { seededStream } from "../../../../client/demo/draw-images.ts";
import { EXPECTED_SCORES, runScoresCase } from "../../../fixtures/reinit-case.ts";
import { problem } from "../problem.ts";

const graph = resnet18({ width: 4, classes: 5 });
const layout = stateLayout(graph);
const entry = (name: string) => layout.entries.find((other) => other.name === name)!;

/** Uniform weights, scales near 1, positive variances. */
function drawnTeacher(): Float32Array<ArrayBuffer> {
  const random = seededStream(3);
  const teacher = new Float32Array(layout.length);
  for (const { role, offset, size } of layout.entries) {
    const low = role === "running-variance" || role === "norm-scale" ? 0.8 : -0.2;
    for (let i = offset; i < offset + size; i++) teacher[i] = low + (0.4 * random.word()) / 2 ** 32;
  }
  return teacher;
}

const teacher = drawnTeacher();
const statistics = (state: Float32Array) => state.subarray(layout.trainableLength);

/** Outliers of all layers as `tensor channel`. */
const outliers = (scores: ChannelScores): string[] =>
  [...scores].flatMap(([name, ofLayer]) => outlierChannels(ofLayer, 3).map((c) => `${name} ${c}`));

const norm = (name: string, input: string): Operation => ({
  kind: "batch-norm",
  input,
  output: `${name}>`,
  scale: `${name}.weight`,
  shift: `${name}.bias`,
  runningMean: `${name}.running_mean`,
  runningVariance: `${name}.running_var`,
  epsilon: 1e-5,
  momentum: 0.1,
});

describe("pairs of convolution and batch norm", () => {
  it("[I8.1] come from the graph, not from names or order", () => {
    expect(normalisedConvolutions(graph)).toHaveLength(20);
    const shuffled = { ...graph, parameters: graph.parameters.toReversed() };
    expect(normalisedConvolutions(shuffled)).toEqual(normalisedConvolutions(graph));

    const parameters: Parameter[] = [];
    const conv = (weight: string, input: string): Operation => {
      parameters.push({ name: weight, role: "conv-weight", shape: [2, 2, 1, 1] });
      const output = `${weight}>`;
      return {
        kind: "conv2d",
        input,
        output,
        weight,
        stride: [1, 1],
        padding: allSides(0),
        dilation: [1, 1],
        groups: 1,
      };
    };
    // As in pre-activation networks: `a` feeds a sum as well, `c` a norm behind that sum.
    const operations: Operation[] = [
      conv("a", "image"),
      norm("a.norm", "a>"),
      conv("b", "a.norm>"),
      norm("c.norm", "b>"),
      conv("c", "c.norm>"),
      { kind: "add", inputs: ["c>", "a>"], output: "sum" },
      norm("b.norm", "sum"),
    ];
    const odd: Graph = { ...graph, input: "image", output: "sum", operations, parameters };
    expect(
      normalisedConvolutions(odd).map(({ convolution, norm: of }) => [
        convolution.weight,
        of.scale,
      ]),
    ).toEqual([["b", "c.norm.weight"]]);
  });

  it("[I8.1] leave out a convolution whose weight another one has, too", () => {
    const weights = ["layer1.0.conv1.weight", "layer1.0.conv2.weight"];
    const operations = graph.operations.map((operation) =>
      operation.kind === "conv2d" && operation.weight === weights[1]
        ? { ...operation, weight: weights[0]! }
        : operation,
    );
    const pairs = normalisedConvolutions({ ...graph, operations });
    expect(pairs).toHaveLength(18);
    expect(pairs.map(({ convolution }) => convolution.weight)).not.toContain(weights[0]);
  });
});

describe("lipschitzScores", () => {
  it("[I9.2] [I9.3] [I10] gives the committed scores and masks", () => {
    expect(runScoresCase()).toEqual(EXPECTED_SCORES);
  });

  it("[I9] is the kernel's largest singular value times |γ/√(σ² + ε)|", () => {
    const changed = teacher.slice();
    const kernel = entryView(changed, entry("layer3.0.shortcut.0.weight"));
    const [scale, variance] = ["weight", "running_var"].map((name) =>
      entryView(changed, entry(`layer3.0.shortcut.1.${name}`)),
    );
    // The norm of a 1×1 kernel is that of a vector.
    kernel.set([3, 4], 0);
    kernel.fill(0, 2, 8);
    scale![0] = -2;
    variance![0] = 0.25;
    const score = lipschitzScores(graph, layout, changed).get("layer3.0.shortcut.0.weight")![0]!;
    expect(score).toBe(5 * (2 / Math.sqrt(0.25 + 1e-5)));
  });

  it("[I8.3] [I9] CLP's outlier is exactly the channel that was scaled by 50", () => {
    expect(outliers(lipschitzScores(graph, layout, teacher))).toEqual([]);
    for (const name of ["layer3.1.conv2.weight", "layer4.0.shortcut.0.weight"]) {
      const changed = teacher.slice();
      const { offset, size, shape } = entry(name);
      const length = size / shape[0]!;
      for (let i = 0; i < length; i++) changed[offset + 7 * length + i]! *= 50;
      expect(outliers(lipschitzScores(graph, layout, changed))).toEqual([`${name} 7`]);
    }
  });
});

const density = (x: number, mean: number, variance: number) =>
  Math.exp(-((x - mean) ** 2) / (2 * variance)) / Math.sqrt(2 * Math.PI * variance);

describe("divergenceScores", () => {
  const pooled = teacher.slice();
  entryView(pooled, entry("layer4.0.bn2.running_mean"))[11]! += 4;
  entryView(pooled, entry("layer3.0.bn1.running_var"))[5]! *= 20;

  it("[I10] is the divergence KL(images ‖ teacher), by numerical integration", () => {
    const scores = divergenceScores(graph, layout, statistics(teacher), statistics(pooled));
    for (const [layer, weight, channel] of [
      ["layer4.0.bn2", "layer4.0.conv2.weight", 11],
      ["layer3.0.bn1", "layer3.0.conv1.weight", 5],
    ] as const) {
      const of = (state: Float32Array, what: string) =>
        entryView(state, entry(`${layer}.running_${what}`))[channel]!;
      const [mean, variance] = [of(pooled, "mean"), of(pooled, "var") + 1e-5];
      const [ownMean, ownVariance] = [of(teacher, "mean"), of(teacher, "var") + 1e-5];
      let nats = 0;
      const step = Math.sqrt(variance) / 200;
      for (let k = -2000; k <= 2000; k++) {
        const x = mean + k * step;
        const p = density(x, mean, variance);
        const ratio =
          Math.log(ownVariance / variance) / 2 +
          (x - ownMean) ** 2 / (2 * ownVariance) -
          (x - mean) ** 2 / (2 * variance);
        nats += p * ratio * step;
      }
      expect(scores.get(weight)![channel]).toBeCloseTo(nats, 9);
    }
  });

  it("[I10] BNP's outliers are exactly the channels that behave otherwise on the images", () => {
    const scores = divergenceScores(graph, layout, statistics(teacher), statistics(pooled));
    expect(outliers(scores)).toEqual(["layer3.0.conv1.weight 5", "layer4.0.conv2.weight 11"]);
    const same = divergenceScores(graph, layout, statistics(teacher), statistics(teacher));
    expect([...same.values()].flat().every((score) => score === 0)).toBe(true);
  });

  const spoilt = (name: string, value: number) => {
    const state = pooled.slice();
    entryView(state, entry(name))[2] = value;
    return () => divergenceScores(graph, layout, statistics(teacher), statistics(state));
  };

  it("[I10] refuses statistics that are none", () => {
    expect(problem("malformed-update", spoilt("bn1.running_mean", NaN))).toContain(
      "NaN in 'bn1.running_mean' at channel 2",
    );
    expect(problem("malformed-update", spoilt("bn1.running_var", -1e-9))).toContain("negative");
    expect(problem("malformed-update", spoilt("bn1.running_var", Infinity))).toContain("Infinity");
    expect(() => divergenceScores(graph, layout, statistics(teacher), pooled)).toThrow(RangeError);
  });
});

describe("channelScores", () => {
  it("[I8] gives each strategy the scores it asks for", () => {
    const of = (kind: string, pooled?: Float32Array) =>
      channelScores(reinitStrategySchema.parse({ kind }), graph, layout, teacher, pooled);
    expect(of("layerwise")).toBeUndefined();
    expect(of("head")).toBeUndefined();
    const uniform = reinitStrategySchema.parse({ kind: "uniform", ratio: 0.1 });
    expect(channelScores(uniform, graph, layout, teacher)).toBeUndefined();
    expect(of("lipschitz")).toEqual(lipschitzScores(graph, layout, teacher));
    const other = statistics(drawnTeacher().map((value) => value + 0.5));
    expect(of("bn-divergence", other)).toEqual(
      divergenceScores(graph, layout, statistics(teacher), other),
    );
  });

  it("[I10] names what is missing for bn-divergence and what to do", () => {
    const message = problem("malformed-request", () =>
      channelScores(reinitStrategySchema.parse({ kind: "bn-divergence" }), graph, layout, teacher),
    );
    expect(message).toMatch(/statistics.*participants' images.*'lipschitz'/);
  });
});
