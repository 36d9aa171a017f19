import { describe, expect, it } from "vitest";
import { campaignConfigSchema } from "../../../../protocol/round/campaign-config.ts";

function parse(distillation: object) {
  return campaignConfigSchema.safeParse({
    model: "ab".repeat(32),
    preprocessing: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    distillation,
  });
}

describe("a campaign's regularisers", () => {
  it("are off when left out", () => {
    expect(parse({}).data?.distillation).toMatchObject({ sharpness: null, headShift: null });
  });

  it("[D10] take a radius above 0, whatever the number of local steps", () => {
    for (const localSteps of [1, 20]) {
      const { data } = parse({ localSteps, sharpness: { rho: 2 } });
      expect(data?.distillation.sharpness).toEqual({ rho: 2 });
    }
    for (const sharpness of [{ rho: 0 }, { rho: -1 }, {}, { rho: 1, radius: 2 }]) {
      expect(parse({ sharpness }).error?.issues[0]?.path.slice(0, 2)).toEqual([
        "distillation",
        "sharpness",
      ]);
    }
  });

  it("[D11.2] shift a head where participants take the steps, and say why else not", () => {
    const headShift = { weight: 0.1 };
    expect(parse({ headShift, localSteps: 2 }).data?.distillation.headShift).toEqual(headShift);
    const { error } = parse({ headShift, localSteps: 1 });
    expect(error?.issues).toHaveLength(1);
    expect(error?.issues[0]).toMatchObject({
      path: ["distillation", "headShift"],
      message: expect.stringMatching(
        /at least 2 local steps: .* coordinator that takes the step/,
      ) as string,
    });
    expect(parse({ headShift: { weight: 0 } }).success).toBe(false);
  });
});
