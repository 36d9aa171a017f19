import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { drawImages } from "../../client/demo/draw-images.ts";
import { sha256 } from "../../protocol/digest.ts";
import { importModel } from "../../protocol/formats/import-model.ts";
import { parseHeader } from "../../protocol/formats/safetensors/header.ts";
import { runScour, temporaryDirectory } from "./processes.ts";

const FIXTURE = fileURLToPath(new URL("../fixtures/golden-w4/", import.meta.url));

it("`demo --json` removes the demo model's backdoor, keeps its accuracy, and leaves file and report", async () => {
  const out = await temporaryDirectory();
  // Of 18 that it takes by itself. With fewer than seven nobody has scored thrice when an overshoot is
  // decided, and where the search missed the trigger's class much of the backdoor stays.
  const { code, stdout, stderr } = await runScour(
    ["demo", "--rounds", "7", "--json", "--out"].concat(out),
  );
  expect(code, stderr).toBe(0);
  const { before, after, seconds } = JSON.parse(stdout) as {
    before: Record<string, number>;
    after: Record<string, number>;
    seconds: number;
  };
  expect(Object.keys(before)).toEqual(["acc", "asr", "ra"]);
  expect(Object.keys(after)).toEqual(["acc", "asr", "ra", "agreement"]);
  expect(seconds).toBeGreaterThan(0);
  expect(before["asr"]).toBeGreaterThan(0.95);
  expect(after["asr"]).toBeLessThan(0.1);
  expect(before["acc"]! - after["acc"]!).toBeLessThan(0.05);

  const cleansed = await importModel(
    new Uint8Array(await readFile(join(out, "cleansed.safetensors"))),
  );
  expect(cleansed.graph.architecture).toBe("resnet18-32");
  const report = await readFile(join(out, "report.html"), "utf8");
  expect(report).toContain("ASR");
  expect(report).toMatch(
    /leads the model that was given to class \d on [\d.]+ % of images .* bending images to class \d on [\d.]+ %/,
  );
  // Self-contained: nothing is fetched when it is opened.
  expect(report).not.toMatch(/(src|href)="https?:/);
});

/** Header of a safetensors file. */
function headOf(file: Uint8Array): Uint8Array {
  return parseHeader(file, file.length).bytes;
}

it("[B1] `simulate --reinit bn-divergence` measures, then cleanses; it writes a model in the source's own format", async () => {
  const folder = await temporaryDirectory();
  const out = join(folder, "cleansed.safetensors");
  await writeFile(join(folder, "images.bin"), drawImages(120, 1));
  const options = {
    model: join(FIXTURE, "teacher.safetensors"),
    images: join(folder, "images.bin"),
    out,
    participants: "3",
    // The teacher never saw such images.
    fit: "off",
    reinit: "bn-divergence",
    strength: "2",
    rounds: "1",
    "local-steps": "2",
    "batch-size": "4",
    mean: ".5,.5,.5",
    std: ".25,.25,.25",
    backend: "wasm",
    // The demo seeks.
    adversary: "off",
    "judging-ascents": "1",
  };
  const simulate = (changes: object) =>
    runScour([
      "simulate",
      ...Object.entries({ ...options, ...changes }).flatMap(([name, value]) => [
        `--${name}`,
        String(value),
      ]),
      "--json",
    ]);
  const tooMany = await simulate({ participants: "4" });
  expect(tooMany.code).toBe(1);
  expect(tooMany.stderr).toContain("0 of 4 participants train on 32 images or more");
  const { code, stderr, stdout } = await simulate({});
  expect(code, stderr).toBe(0);
  expect(stderr).toContain("statistics: 3 participants measured");
  const [before, after] = await Promise.all([options.model, out].map((file) => readFile(file)));
  expect(JSON.parse(stdout)).toMatchObject({ out, digest: sha256(after!) });
  expect(after!).toHaveLength(before!.length);
  expect(headOf(after!)).toEqual(headOf(before!));
  expect((await importModel(after!)).state).not.toEqual((await importModel(before!)).state);
});
