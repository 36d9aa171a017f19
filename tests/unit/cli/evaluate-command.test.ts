import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CommandError } from "../../../client/cli/command-error.ts";
import { backendOption } from "../../../client/cli/options/engine-options.ts";
import { requireAgreement } from "../../../client/cli/options/judge-options.ts";
import type { SecondOpinion } from "../../../client/evaluation/second-opinion.ts";
import { RECORD_BYTES } from "../../../client/images/cifar-records.ts";
import { temporaryDirectory } from "./temporary-directory.ts";
import { runRecorded } from "./recording-terminal.ts";

const MODEL = "tests/fixtures/golden-w4/teacher.safetensors";

const IMAGES = "tests/fixtures/golden-w4/images.bin";

function evaluate(...more: string[]) {
  const given = ["--model", MODEL, "--images", IMAGES, "--backend", "wasm", "--threads", "1"];
  return runRecorded("evaluate", ...given, ...more);
}

describe("evaluate", () => {
  it("sets TensorFlow.js' answers beside the engine's", async () => {
    const { code, results } = await evaluate("--judge", "tfjs", "--json");
    expect(code).toBe(0);
    const { acc, secondOpinion } = results[0]!.value as {
      acc: number;
      secondOpinion: SecondOpinion;
    };
    expect(secondOpinion).toMatchObject({ acc, agreement: 1, images: 24, asr: null });
    expect(secondOpinion.largestDifference).toBeLessThan(1e-3);
  });

  it("says what it left out, which labels the model has no class for, and which classes have no image", async () => {
    const folder = await temporaryDirectory();
    const records = Buffer.alloc(3 * RECORD_BYTES, 90);
    for (const [index, label] of [1, 12, 40].entries()) records[index * RECORD_BYTES] = label;
    await writeFile(join(folder, "test.bin"), records);
    await writeFile(join(folder, "notes.txt"), "no picture");
    await writeFile(join(folder, "z.jpg"), "");
    const given = ["--model", MODEL, "--images", folder, "--backend", "wasm", "--threads", "1"];
    const { code, notes, results } = await runRecorded("evaluate", ...given, "--json");
    expect(code).toBe(0);
    expect(results[0]!.value).toMatchObject({
      images: 3,
      skipped: {
        count: 2,
        reasons: [
          { reason: "not a picture: its content is text", count: 1, examples: ["notes.txt"] },
          { reason: "the file is empty", count: 1, examples: ["z.jpg"] },
        ],
      },
      beyondModel: { images: 2, labels: [12, 40] },
      classesWithout: [0, 2, 3, 4],
    });
    const said = notes.join("\n");
    expect(said).toContain(`2 files skipped in ${folder}:`);
    expect(said).toContain("2 of 3 images");
    expect(said).toMatch(/labels that the model has no class for \(12, 40; it has 0 to 4\)/);
    expect(said).toMatch(/no usable image of 4 of the 5 classes \(0, 2, 3, 4/);
  });

  it("says of the judge who it is, in words too", async () => {
    const { results } = await evaluate("--judge", "tfjs");
    expect(results[0]!.text).toMatch(/judge +TensorFlow\.js [\d.]+ \(wasm\)/);
    expect(results[0]!.text).toMatch(/same answer as our engine +100\.00 % of 24 images/);
  });

  it("asks nobody else unless told to, and takes no limit for nobody", async () => {
    const { notes, results } = await evaluate("--json");
    expect(notes.join("\n")).toContain("CIFAR-10's are taken");
    expect(results[0]!.value).not.toHaveProperty("secondOpinion");
    expect((await evaluate("--judge-limit", ".1")).code).toBe(2);
  });

  it("fails where both disagree on more than the share that is tolerated", () => {
    const opinion = {
      judge: "TensorFlow.js",
      images: 10_000,
      agreement: 0.9985,
      largestDifference: 0.25,
      acc: 0.9,
      asr: null,
      ra: null,
    };
    expect(() => requireAgreement(opinion, {})).toThrow(CommandError);
    expect(() => requireAgreement(opinion, {})).toThrow(
      /TensorFlow\.js answers 15 of 10000 images otherwise.*0\.1 % are tolerated.*up to 0\.250/,
    );
    expect(() => requireAgreement(opinion, { judgeLimit: 0.002 })).not.toThrow();
    expect(() => requireAgreement({ ...opinion, agreement: 0.9991 }, {})).not.toThrow();
  });

  it.each([
    ["tfjs-webgpu", "webgpu"],
    ["tfjs-webgl", "webgpu"],
    ["tfjs-wasm", "wasm"],
    ["cpu", "wasm"],
  ])("tells who asks for %s to name %s instead", (earlier, instead) => {
    const read = backendOption().parseArg!;
    expect(() => read(earlier, undefined)).toThrow(`use --backend ${instead}`);
    expect(() => read("quantum", undefined)).toThrow("auto, webgpu, wasm");
    expect(read("wasm", undefined)).toBe("wasm");
  });
});
