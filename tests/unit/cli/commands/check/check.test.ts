import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { CheckReport } from "../../../../../client/cli/commands/check/check-report.ts";
import { sarifLog } from "../../../../../client/cli/commands/check/sarif.ts";
import { drawImages } from "../../../../../client/demo/draw-images.ts";
import { sha256 } from "../../../../../protocol/digest.ts";
import { resnet18 } from "../../../../../protocol/model/architectures/resnet18.ts";
import { sizeOf } from "../../../../../protocol/model/graph.ts";
import { writeSafetensors } from "../../../../../protocol/formats/safetensors/writer.ts";
import { runRecorded } from "../../recording-terminal.ts";
import { temporaryDirectory } from "../../temporary-directory.ts";

const DEMO = fileURLToPath(
  new URL("../../../../../client/demo/teacher.safetensors", import.meta.url),
);

async function fileOf(bytes: Uint8Array): Promise<string> {
  const path = join(await temporaryDirectory(), "model");
  await writeFile(path, bytes);
  return path;
}

/** A ResNet-18 whose last value is this. */
function network(last: number): Uint8Array {
  const { parameters } = resnet18({ width: 1, classes: 3 });
  const tensors = parameters.map(({ name, shape }) => ({
    name,
    shape,
    dtype: "F32" as const,
    values: new Float32Array(sizeOf(shape)).fill(1),
  }));
  tensors.at(-1)!.values.fill(last);
  return writeSafetensors(tensors, {});
}

async function check(path: string, ...more: string[]) {
  const { code, results } = await runRecorded("check", "--model", path, "--json", ...more);
  return { code, report: results[0]!.value as CheckReport };
}

describe("check", () => {
  it("says what a model is, what would be cleansed, and that it can be taken", async () => {
    const bytes = network(1);
    const { code, report } = await check(await fileOf(bytes), "--mean", "0,0,0", "--std", "1,1,1");
    expect(code).toBe(0);
    expect(report).toMatchObject({
      format: "scour-check-1",
      verdict: "accepted",
      kind: "safetensors",
      bytes: bytes.length,
      sha256: sha256(bytes),
      refusal: null,
      network: {
        classes: 3,
        image: { size: 32, channels: 3 },
        preprocessing: { mean: [0, 0, 0], std: [1, 1, 1] },
      },
    });
    const shares = report.network!.stages.map(({ share, stage }) => [stage, share]);
    expect(shares).toEqual([
      ["1", expect.closeTo(0.01)],
      ["2", expect.closeTo(0.03)],
      ["3", expect.closeTo(0.09)],
      ["4", expect.closeTo(0.27)],
      ["head", expect.closeTo(0.1)],
    ]);
    const { results } = await runRecorded("check", "--model", DEMO);
    expect(results[0]!.text).toMatch(/It can be taken/);
  });

  it("says what was not told: mean and std have no usual value for this network", async () => {
    const { code, report } = await check(await fileOf(network(1)));
    expect(code).toBe(0);
    expect(report.network!.preprocessing).toBeNull();
    expect(report.findings.map(({ rule }) => rule)).toContain("preprocessing-unknown");
    const said = await runRecorded("check", await fileOf(network(1)), "--image-size", "48");
    expect(said.results[0]!.text).toMatch(
      /It can be taken, with --mean and --std: `campaign create --model \S+ --image-size 48 --mean … --std …`/,
    );
    const wrong = await runRecorded("check", "--model", DEMO, "--mean", "0,0", "--std", "1,1");
    expect(wrong.code).toBe(2);
  });

  it.each([
    ["3, of values that are not finite", network(Number.NaN), 3, "refused", "non-finite-weights"],
    ["4, what is no model", Buffer.from("no model at all"), 4, "unreadable", "malformed-model"],
  ])("exits with %s", async (_, bytes, expected, verdict, rule) => {
    const { code, report } = await check(await fileOf(bytes));
    expect(code).toBe(expected);
    expect(report).toMatchObject({ verdict, refusal: { rule } });
  });

  it("exits with 4 where there is no file", async () => {
    const { code, report } = await check("nowhere.safetensors");
    expect(code).toBe(4);
    expect(report).toMatchObject({ bytes: null, refusal: { rule: "unreadable-file" } });
  });
});

async function drawn(count: number): Promise<string> {
  const path = join(await temporaryDirectory(), "pictures.bin");
  await writeFile(path, drawImages(count, 11));
  return path;
}

function pixels(mean: string, std: string): readonly string[] {
  return ["--mean", mean, "--std", std];
}

describe("check with pictures", () => {
  it("[F1] [F2] says that model and pictures fit, or by what they seem to be meant for", async () => {
    const images = await drawn(96);
    const asked = ["--images", images, "--backend", "wasm", "--threads", "1"];
    const right = await check(DEMO, ...asked, ...pixels(".5,.5,.5", ".25,.25,.25"));
    expect(right.code).toBe(0);
    expect(right.report.pictures).toMatchObject({ images: 96, misfit: null });
    const wrong = await check(DEMO, ...asked, ...pixels("0,0,0", "1,1,1"));
    expect(wrong.code).toBe(0);
    expect(wrong.report.pictures!.misfit).not.toBeNull();
    expect(wrong.report.findings.map(({ rule }) => rule)).toContain("pictures-do-not-fit");
    expect(right.report.pictures!.distance!).toBeLessThan(wrong.report.pictures!.distance!);
  });

  it("says that a few pictures tell nothing", async () => {
    const asked = ["--images", await drawn(3), "--backend", "wasm", "--threads", "1"];
    const { report } = await check(DEMO, ...asked, ...pixels(".5,.5,.5", ".25,.25,.25"));
    expect(report.pictures).toBeUndefined();
    expect(report.findings.map(({ rule }) => rule)).toContain("too-few-pictures");
  });
});

describe("SARIF", () => {
  it("has a result for every finding and for the refusal, each with its rule", () => {
    const { runs } = sarifLog(
      {
        format: "scour-check-1",
        model: "a file.pt",
        bytes: 3,
        sha256: "ab",
        kind: "PyTorch zip (pickle)",
        tensors: null,
        verdict: "dangerous",
        refusal: { rule: "unsafe-model", message: "it may run code" },
        network: null,
        findings: [
          { rule: "pickle-runs-code", level: "danger", message: "os.system", where: "data.pkl" },
          { rule: "pickle-runs-code", level: "danger", message: "os.remove" },
          { rule: "unknown-entry", level: "note", message: "an entry" },
        ],
      },
      "1.2.3",
    );
    const [{ results, tool }] = runs as [(typeof runs)[number]];
    expect(tool.driver.rules.map(({ id }) => id)).toEqual([
      "pickle-runs-code",
      "unknown-entry",
      "unsafe-model",
    ]);
    expect(results.map(({ level, ruleIndex }) => [level, ruleIndex])).toEqual([
      ["error", 0],
      ["error", 0],
      ["note", 1],
      ["error", 2],
    ]);
    expect(results[0]!.locations).toEqual([
      {
        physicalLocation: { artifactLocation: { uri: "a%20file.pt", index: 0 } },
        logicalLocations: [{ fullyQualifiedName: "data.pkl" }],
      },
    ]);
  });
});
