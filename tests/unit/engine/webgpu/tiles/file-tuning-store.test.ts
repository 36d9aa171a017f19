import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { FileTuningStore } from "../../../../../client/engine/webgpu/tiles/file-tuning-store.ts";

async function freshFile(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), "scour-tiles-")), "cache", "tiles.json");
}

it("keeps choices for the next process, whichever order they come in", async () => {
  const file = await freshFile();
  const store = new FileTuningStore(file);
  expect(await store.get("a")).toBeUndefined();
  await Promise.all([store.set("a", "1"), store.set("b", "2"), store.set("a", "3")]);
  const again = new FileTuningStore(file);
  expect([await again.get("a"), await again.get("b")]).toEqual(["3", "2"]);
});

it("takes a damaged file for an empty one, and replaces it", async () => {
  const file = await freshFile();
  await new FileTuningStore(file).set("a", "1");
  await writeFile(file, '{"a": "1", ');
  const store = new FileTuningStore(file);
  expect(await store.get("a")).toBeUndefined();
  await store.set("b", "2");
  expect(JSON.parse(await readFile(file, "utf8"))).toEqual({ b: "2" });
});

it("works on where nothing can be written", async () => {
  const file = await freshFile();
  await new FileTuningStore(file).set("a", "0");
  // A file where a folder would have to be.
  const store = new FileTuningStore(join(file, "tiles.json"));
  await store.set("a", "1");
  expect(await store.get("a")).toBe("1");
});
