import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { drawImages } from "../../../client/demo/draw-images.ts";
import { importModel } from "../../../protocol/formats/import-model.ts";
import { modelFile } from "../../../client/attack/fresh-model.ts";
import { temporaryDirectory } from "./temporary-directory.ts";
import { runRecorded } from "./recording-terminal.ts";

const TEACHER = "client/demo/teacher.safetensors";

let records: Uint8Array;
beforeAll(() => {
  records = drawImages(48, 7_000);
});

async function evaluate(model: string, ...more: string[]) {
  const images = join(await temporaryDirectory(), "images.bin");
  await writeFile(images, records);
  const given = ["--model", model, "--images", images, "--backend", "wasm", "--threads", "1"];
  return await runRecorded("evaluate", ...given, ...more);
}

describe("a first look at images", () => {
  it("[F2] says as which network a model should have been read, and never what its labels say", async () => {
    const { code, results } = await evaluate(TEACHER, "--stem-pool", "max");
    expect(code).toBe(0);
    expect(results[0]!.value).toMatchObject({ misfit: { cause: "network" } });
    expect(results[0]!.text).toMatch(/only 0\.\d+ when it is read with --stem-pool none/);
    const right = await evaluate(TEACHER);
    expect(right.results[0]!.value).not.toHaveProperty("misfit");
  });

  it("[G4.4] names the answer by which a model knows the images best, and takes none", async () => {
    const { layout, state } = await importModel(await readFile(TEACHER));
    const entries = layout.entries.map((entry) => ({
      ...entry,
      name: entry.name.replace("shortcut", "downsample"),
    }));
    const model = join(await temporaryDirectory(), "torchvision.safetensors");
    await writeFile(model, modelFile({ ...layout, entries }, state));
    const { code, notes, results } = await evaluate(model);
    expect(code).not.toBe(0);
    expect(results).toEqual([]);
    expect(notes.join("\n")).toMatch(
      /max-pool stands behind the 3×3 stem.*--stem-pool.*looks best with --stem-pool none.*say so/s,
    );
    expect((await evaluate(model, "--stem-pool", "none")).code).toBe(0);
  });
});
