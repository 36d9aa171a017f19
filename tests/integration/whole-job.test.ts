import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { importModel } from "../../protocol/model/model-import.ts";
import { runScour, scourJson, temporaryDirectory } from "./processes.ts";

const FIXTURE = fileURLToPath(new URL("../fixtures/golden-w4/", import.meta.url));

it("`demo --json` removes the demo model's backdoor, keeps its accuracy, and leaves file and report", async () => {
  const out = await temporaryDirectory();
  const { code, stdout, stderr } = await runScour(["demo", "--out", out, "--json"]);
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

  const cleansed = importModel(new Uint8Array(await readFile(join(out, "cleansed.safetensors"))));
  expect(cleansed.graph.architecture).toBe("resnet18-32");
  const report = await readFile(join(out, "report.html"), "utf8");
  expect(report).toContain("ASR");
  // Self-contained: nothing is fetched when it is opened.
  expect(report).not.toMatch(/(src|href)="https?:/);
});

it("`simulate` writes a model in the source's own format", async () => {
  const out = join(await temporaryDirectory(), "cleansed.safetensors");
  const teacher = join(FIXTURE, "teacher.safetensors");
  const options = {
    model: teacher,
    images: join(FIXTURE, "images.bin"),
    out,
    participants: "2",
    rounds: "2",
    "local-steps": "2",
    "batch-size": "4",
    mean: ".5,.5,.5",
    std: ".25,.25,.25",
    backend: "wasm",
  };
  await scourJson([
    "simulate",
    ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
  ]);
  const [before, after] = (await Promise.all([teacher, out].map((file) => readFile(file)))).map(
    (bytes) => importModel(new Uint8Array(bytes)),
  );
  expect(after!.header.bytes).toEqual(before!.header.bytes);
  expect(after!.state).not.toEqual(before!.state);
});
