import { describe, expect, it } from "vitest";
import { reinitStrategySchema } from "../../../../protocol/reinit/strategy-schema.ts";

const parsed = (input: unknown) => reinitStrategySchema.parse(input);

describe("re-initialisation strategies", () => {
  it("[C1] fills in defaults, and leaves strategies of old as they were", () => {
    expect(parsed({ kind: "layerwise" })).toEqual({ kind: "layerwise" });
    expect(parsed({ kind: "uniform", ratio: 0.1 })).toEqual({ kind: "uniform", ratio: 0.1 });
    expect(parsed({ kind: "lipschitz" })).toEqual({
      kind: "lipschitz",
      granularity: "weight",
      outliers: 3,
    });
    expect(parsed({ kind: "bn-divergence", outliers: 0, granularity: "channel" })).toEqual({
      kind: "bn-divergence",
      granularity: "channel",
      outliers: 0,
      images: 512,
    });
    expect(parsed({ kind: "head" })).toEqual({ kind: "head", head: 1 });
  });

  it.each([
    ["a granularity nobody knows", { kind: "layerwise", granularity: "layer" }],
    ["outliers where nothing is scored", { kind: "layerwise", outliers: 3 }],
    ["outliers that are ordinary", { kind: "lipschitz", outliers: 0.5 }],
    ["outliers below the mean", { kind: "lipschitz", outliers: -1 }],
    ["outliers out of reach", { kind: "bn-divergence", outliers: 101 }],
    ["so few images that they could be told apart", { kind: "bn-divergence", images: 31 }],
    ["images where none are measured", { kind: "lipschitz", images: 64 }],
    ["one ratio for a layered strategy", { kind: "lipschitz", ratio: 0.1 }],
    ["ratios for the head alone", { kind: "head", ratios: [0.1] }],
    ["granularity for the head alone", { kind: "head", granularity: "channel" }],
    ["a share above 1", { kind: "head", head: 2 }],
    ["a strategy nobody knows", { kind: "random" }],
  ])("[C1] refuses %s", (_, input) => {
    expect(reinitStrategySchema.safeParse(input).success).toBe(false);
  });
});
