import { copyFile, mkdir, rm } from "node:fs/promises";
import { expect, it } from "vitest";
import { stampImages } from "../../../../client/attack/stamp-images.ts";
import { patchTrigger } from "../../../../client/attack/badnets.ts";
import { attackedModels } from "../../../bench/cleanse/attacked-models.ts";
import { loadCase } from "../../../bench/cleanse/load-case.ts";
import { attackFiles } from "../../cli/commands/attack/attack-files.ts";
import { runRecorded } from "../../cli/recording-terminal.ts";

it("models of `attack train` need no plan: their records tell the rest", async () => {
  const { path, train } = await attackFiles();
  await mkdir(path("models"));
  const trained = await runRecorded(
    ...train("models/patched.safetensors", "--attack", "badnets", "--target", "3"),
    "--no-flip",
  );
  expect(trained.notes.at(-1)).not.toContain("error");
  const images = { pool: path("train.bin"), test: path("test.bin") };
  const [spec, ...others] = await attackedModels([path("models")], images);
  expect(others).toEqual([]);
  expect(spec).toMatchObject({ name: "patched", flip: false });
  expect(spec!.preprocessing.mean).toEqual([0.4914, 0.4822, 0.4465]);

  const { digests, pool, target, tests } = await loadCase(spec!, true);
  expect(pool.images.count).toBe(24);
  expect(pool.labels).toHaveLength(24);
  expect([target, tests.triggered!.target]).toEqual([3, 3]);
  expect(tests.triggered!.labels).toEqual(tests.clean.labels);
  const black = [0, 0, 0] as [number, number, number];
  const white = [255, 255, 255] as [number, number, number];
  const trigger = patchTrigger(
    { size: 3, row: 28, column: 28, colours: [black, white] },
    tests.clean.images,
  );
  expect(tests.triggered!.images.pixels).toEqual(stampImages(tests.clean.images, trigger).pixels);

  // A pool has no labels as far as a campaign can tell: with or without them it is the same.
  const unlabelled = await loadCase(spec!, false);
  expect(unlabelled.pool.labels).toBeUndefined();
  expect(unlabelled.digests).toEqual(digests);

  await copyFile(path("models/patched.safetensors"), path("patched.safetensors"));
  await expect(attackedModels([path("patched.safetensors")], images)).rejects.toThrow(/no record/);
  await expect(
    attackedModels([path("models"), path("patched.safetensors")], images),
  ).rejects.toThrow(/two files are called patched/);
  await rm(path("models/patched.safetensors"));
  await expect(attackedModels([path("models")], images)).rejects.toThrow(/no \.safetensors/);
});

it("a target that the model does not have is refused with the case's name", async () => {
  const { path, train } = await attackFiles();
  await runRecorded(...train("clean.safetensors", "--attack", "clean"));
  const [clean] = await attackedModels([path("clean.safetensors")], {
    pool: path("train.bin"),
    test: path("test.bin"),
  });
  const { digests, target } = await loadCase(clean!, false);
  expect([digests.triggered, target]).toEqual([null, null]);
  const stamp = { kind: "images", path: path("test.bin"), target: 10 } as const;
  await expect(loadCase({ ...clean!, stamp }, false)).rejects.toThrow(
    "the target of clean is 10, its model has the classes 0 to 9",
  );
});
