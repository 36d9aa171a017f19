import { describe, expect, it } from "vitest";
import type { Graph } from "../../../../protocol/model/graph.ts";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import { campaignConfigSchema } from "../../../../protocol/round/campaign-config.ts";
import { localOptimizer, usualOptimizer } from "../../../../protocol/round/local-optimizer.ts";

const REQUIRED = {
  model: "0".repeat(64),
  preprocessing: { mean: [0, 0, 0], std: [1, 1, 1] },
};

function parsed(distillation: object) {
  return campaignConfigSchema.safeParse({ ...REQUIRED, distillation });
}

describe("the optimiser of participants", () => {
  it("[D3.4] is AdamW where a network has layer norms, and SGD elsewhere", () => {
    const convolutional = resnet18({ width: 4, classes: 3 });
    expect(usualOptimizer(convolutional)).toBe("sgd");
    const normed: Graph = {
      ...convolutional,
      operations: [
        ...convolutional.operations,
        { kind: "layer-norm", input: "pool", output: "n", epsilon: 1e-6 },
      ],
    };
    expect(usualOptimizer(normed)).toBe("adamw");
    const { distillation } = campaignConfigSchema.parse(REQUIRED);
    expect(localOptimizer(distillation, "adamw")).toMatchObject({
      optimizer: "adamw",
      learningRate: 5e-4,
      momentum: 0.9,
      secondMomentum: 0.999,
    });
    expect(localOptimizer(distillation)).toEqual({
      optimizer: "sgd",
      learningRate: 0.03,
      warmUp: 0,
      momentum: 0.9,
      secondMomentum: undefined,
      weightDecay: 5e-4,
    });
  });

  it("[D3.4] is the campaign's where it says one, with its own rates", () => {
    const { distillation } = campaignConfigSchema.parse({
      ...REQUIRED,
      distillation: { optimizer: "adamw", learningRate: 0.002, weightDecay: 0 },
    });
    expect(localOptimizer(distillation, "sgd")).toMatchObject({
      optimizer: "adamw",
      learningRate: 0.002,
      weightDecay: 0,
    });
  });

  it("[D3.5] is not AdamW where participants send gradients", () => {
    const { error } = parsed({ optimizer: "adamw", localSteps: 1 });
    expect(error?.issues[0]?.path).toEqual(["distillation", "optimizer"]);
    expect(error?.issues[0]?.message).toMatch(/at least 2 local steps.*take sgd/);
    expect(parsed({ optimizer: "sgd", localSteps: 1 }).success).toBe(true);
    expect(parsed({ optimizer: "sgd", secondMomentum: 0.9 }).error?.issues[0]?.path).toEqual([
      "distillation",
      "secondMomentum",
    ]);
  });
});
