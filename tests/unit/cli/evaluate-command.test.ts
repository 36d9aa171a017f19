import { describe, expect, it } from "vitest";
import { CommandError } from "../../../client/cli/command-error.ts";
import { backendOption } from "../../../client/cli/options/engine-options.ts";
import { requireAgreement } from "../../../client/cli/options/judge-options.ts";
import type { SecondOpinion } from "../../../client/evaluation/second-opinion.ts";
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

  it("says of the judge who it is, in words too", async () => {
    const { results } = await evaluate("--judge", "tfjs");
    expect(results[0]!.text).toMatch(/judge +TensorFlow\.js [\d.]+ \(wasm\)/);
    expect(results[0]!.text).toMatch(/same answer as our engine +100\.00 % of 24 images/);
  });

  it("asks nobody else unless told to, and takes no limit for nobody", async () => {
    const { results } = await evaluate("--json");
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
