import { readFile, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { parseRecord } from "../../../../../client/attack/attack-record.ts";
import { stampImages } from "../../../../../client/attack/stamp-images.ts";
import { triggerOf } from "../../../../../client/attack/trigger.ts";
import { drawImages } from "../../../../../client/demo/draw-images.ts";
import type { LoadedImages } from "../../../../../client/images/image-set.ts";
import { RECORD_BYTES } from "../../../../../client/images/cifar-records.ts";
import { loadLabelled } from "../../../../../client/images/load-labelled.ts";
import { runRecorded } from "../../recording-terminal.ts";
import { attackFiles } from "./attack-files.ts";
import { squashedTo } from "../../../../../client/images/prepare-image.ts";

const SHAPE = { height: 32, width: 32, channels: 3 };

function imageAt({ pixels }: LoadedImages, index: number): Uint8Array {
  return pixels.subarray(index * 3072, (index + 1) * 3072);
}

/** A folder with a WaNet model of seed 5, trained for an epoch, and its images. */
async function attacked() {
  const { path, train } = await attackFiles();
  const args = train("t.safetensors", "--attack", "wanet", "--seed", "5", "--epochs", "1");
  expect((await runRecorded(...args)).code).toBe(0);
  return path;
}

describe("attack stamp", () => {
  it("writes what training stamped, with true labels, as records or as class folders", async () => {
    const path = await attacked();
    const stamp = ["attack", "stamp", "--from", path("t.json"), "--data", path("test.bin")];
    const { code, results } = await runRecorded(...stamp, "--out", path("hit.bin"), "--json");
    expect(code).toBe(0);
    expect(results[0]!.value).toEqual({
      out: path("hit.bin"),
      images: 12,
      target: 0,
      skipped: { count: 0, reasons: [] },
    });

    const clean = await loadLabelled(path("test.bin"), squashedTo(SHAPE));
    const { recipe } = parseRecord(await readFile(path("t.json"), "utf8"), "t.json");
    const expected = stampImages(clean.images, triggerOf(recipe.attack, 5, SHAPE));
    const records = await loadLabelled(path("hit.bin"), squashedTo(SHAPE));
    expect(records.labels).toEqual(clean.labels);
    expect(records.images.pixels).toEqual(expected.pixels);

    expect((await runRecorded(...stamp, "--out", path("folders"))).code).toBe(0);
    const pictures = await loadLabelled(path("folders"), squashedTo(SHAPE));
    expect(pictures.classNames).toEqual(Array.from("0123456789"));
    const order = Array.from(clean.labels.keys()).sort(
      (a, b) => clean.labels[a]! - clean.labels[b]! || a - b,
    );
    expect(Array.from(pictures.labels)).toEqual(order.map((index) => clean.labels[index]));
    order.forEach((index, place) => {
      expect(imageAt(pictures.images, place)).toEqual(imageAt(expected, index));
    });
    const again = await runRecorded(...stamp, "--out", path("folders"));
    expect(again.notes.join("\n")).toMatch(/cannot be made/);
  });

  it("gives what evaluate takes, whatever the target", async () => {
    const path = await attacked();
    const stamp = ["attack", "stamp", "--from", path("t.json"), "--data", path("test.bin")];
    await runRecorded(...stamp, "--out", path("all.bin"));
    const evaluate = ["evaluate", "--model", path("t.safetensors"), "--images", path("test.bin")];
    evaluate.push("--triggered", path("all.bin"), "--json");
    evaluate.push("--backend", "wasm", "--threads", "1");
    for (const target of ["0", "all"]) {
      const { code, results } = await runRecorded(...evaluate, "--target", target);
      expect(code).toBe(0);
      expect(results[0]!.value).toMatchObject({ asr: expect.any(Number), ra: expect.any(Number) });
    }
    const { code, notes } = await runRecorded(...evaluate, "--target", "10");
    expect(code).toBe(2);
    expect(notes.join("\n")).toMatch(/--target 10/);
  });

  it("says what is wrong with a record or with the data", async () => {
    const path = await attacked();
    const said = async (from: string, data: string, out = "x.bin") => {
      const stamp = ["attack", "stamp", "--from", path(from), "--data", path(data)];
      const { code, notes } = await runRecorded(...stamp, "--out", path(out));
      expect(code).toBe(1);
      return notes.join("\n");
    };
    expect(await said("nowhere.json", "test.bin")).toMatch(/nowhere\.json cannot be read/);
    expect(await said("t.safetensors", "test.bin")).toMatch(/is not JSON/);
    const record = JSON.parse(await readFile(path("t.json"), "utf8")) as { recipe: object };
    const write = (recipe: object) =>
      writeFile(
        path("other.json"),
        JSON.stringify({ ...record, recipe: { ...record.recipe, ...recipe } }),
      );
    await write({ seed: -1 });
    expect(await said("other.json", "test.bin")).toMatch(/not a record .*recipe\.seed/);
    await write({ attack: { kind: "clean" }, target: null });
    expect(await said("other.json", "test.bin")).toMatch(/no trigger to stamp/);
    await write({ classes: 4 });
    expect(await said("other.json", "test.bin")).toMatch(/holds the label 9/);
    await writeFile(path("odd.bin"), drawImages(1, 1).subarray(0, RECORD_BYTES - 1));
    expect(await said("t.json", "odd.bin")).toMatch(/odd\.bin: not a file of CIFAR records/);
  });
});
