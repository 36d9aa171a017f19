import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { CommandError } from "../../../../client/cli/command-error.ts";
import { parsePlan, type CaseSpec } from "../../../bench/cleanse/plan.ts";

const CASE = {
  name: "signs",
  model: "models/signs.safetensors",
  pool: "/data/pool",
  test: "test",
  triggered: "stamped",
  target: 3,
  mean: [0.1, 0.2, 0.3],
  std: [0.4, 0.5, 0.6],
};

function planOf(...cases: unknown[]): string {
  return JSON.stringify({ cases });
}

describe("a bench's plan", () => {
  it("has paths relative to its own folder", () => {
    expect(parsePlan(planOf({ ...CASE, flip: false }), "/plans/a/plan.json")).toEqual([
      {
        name: "signs",
        model: "/plans/a/models/signs.safetensors",
        pool: "/data/pool",
        test: "/plans/a/test",
        stamp: { kind: "images", path: "/plans/a/stamped", target: 3 },
        network: {},
        preprocessing: { mean: [0.1, 0.2, 0.3], std: [0.4, 0.5, 0.6] },
        flip: false,
      },
    ]);
  });

  it("says of a network and its pictures what a campaign is told", () => {
    const [{ network, preprocessing }] = parsePlan(
      planOf({
        ...CASE,
        network: { size: 64 },
        preprocessing: { resize: "shorter-side", resizeTo: 64 },
      }),
      "plan.json",
    ) as [CaseSpec];
    expect(network).toEqual({ size: 64 });
    expect(preprocessing).toEqual({
      resize: "shorter-side",
      resizeTo: 64,
      mean: CASE.mean,
      std: CASE.std,
    });
  });

  it("takes clean models, and all-to-all", () => {
    const { triggered: _, target: __, ...clean } = CASE;
    const cases = parsePlan(
      planOf({ ...CASE, target: "all" }, { ...clean, name: "clean" }),
      "plan.json",
    );
    expect(cases.map(({ stamp }) => stamp.kind)).toEqual(["images", "none"]);
    expect(cases[0]!.stamp).toMatchObject({ target: "all" });
  });

  it.each([
    ["{", /plan\.json is not JSON/],
    [JSON.stringify({ cases: [] }), /plan\.json is no plan: cases: /],
    [planOf({ ...CASE, mean: [1, 2] }), /cases\.0\.mean/],
    [planOf({ ...CASE, std: [1, 0, 1] }), /cases\.0\.std: must be above 0/],
    [planOf(CASE, { ...CASE, pool: undefined, name: "other" }), /cases\.1\.pool/],
    [planOf(CASE, CASE), /two cases go by the same name/],
    [planOf({ ...CASE, target: undefined }), /'triggered' and 'target' belong together/],
    [planOf({ ...CASE, flips: true }), /flips/],
    [planOf({ ...CASE, network: { size: 8 } }), /cases\.0\.network\.size/],
    [planOf({ ...CASE, preprocessing: { mean: [1] } }), /'mean' and 'std' stand beside it/],
    [planOf({ ...CASE, name: "a/b" }), /cases\.0\.name: must be letters/],
  ])("that is wrong is refused with its place: %s", (text, message) => {
    expect(() => parsePlan(text, "plan.json")).toThrow(CommandError);
    expect(() => parsePlan(text, "plan.json")).toThrow(message);
  });

  it("looks like the example", async () => {
    const file = fileURLToPath(
      new URL("../../../bench/cleanse/example-plan.json", import.meta.url),
    );
    const cases = parsePlan(await readFile(file, "utf8"), file);
    expect(cases.map(({ stamp }) => stamp.kind)).toEqual(["images", "images", "none"]);
  });
});
