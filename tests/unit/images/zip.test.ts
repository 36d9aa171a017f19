import { zipSync, Zip, ZipDeflate } from "fflate";
import { expect, it } from "vitest";
import { zipEntries, ZIP_LIMITS, type ZipEntry } from "../../../client/images/zip.ts";
import { bytesSource, directoryEntry } from "../protocol/zip/zip-bytes.ts";

async function entriesOf(zip: Uint8Array, limits = ZIP_LIMITS): Promise<ZipEntry[]> {
  const entries: ZipEntry[] = [];
  for await (const entry of zipEntries(bytesSource(zip), "a.zip", limits)) entries.push(entry);
  return entries;
}

it("gives files in the order of the directory, without folders and hidden files", async () => {
  const files = { "b.png": Uint8Array.of(1), "folder/": Uint8Array.of(), ".x": Uint8Array.of(3) };
  expect(await entriesOf(zipSync({ ...files, "folder/a.png": Uint8Array.of(2) }))).toEqual([
    { name: "b.png", bytes: Uint8Array.of(1) },
    { name: "folder/a.png", bytes: Uint8Array.of(2) },
  ]);
});

it("refuses a bomb: an entry that unpacks to far more than its packed size", async () => {
  const bomb = zipSync({
    "bomb.png": new Uint8Array(80 * 2 ** 20),
    "after.png": Uint8Array.of(1, 2),
  });
  expect(bomb.length).toBeLessThan(200_000);
  expect(await entriesOf(bomb)).toEqual([
    { name: "bomb.png", problem: "unpacks to more than 64 MiB" },
    { name: "after.png", bytes: Uint8Array.of(1, 2) },
  ]);
});

it("refuses a bomb that declares its size after its bytes only", async () => {
  const parts: Uint8Array[] = [];
  const zip = new Zip((_error, chunk) => parts.push(chunk));
  const entry = new ZipDeflate("bomb.png");
  zip.add(entry);
  for (let i = 0; i < 3; i++) entry.push(new Uint8Array(2 ** 20), i === 2);
  zip.end();
  expect(await entriesOf(Buffer.concat(parts), { ...ZIP_LIMITS, entryBytes: 2 ** 21 })).toEqual([
    { name: "bomb.png", problem: "unpacks to more than 2 MiB" },
  ]);
});

it("stops at an archive of too many files", async () => {
  const many = zipSync(
    Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f${i}`, new Uint8Array()])),
  );
  const entries = await entriesOf(many, { ...ZIP_LIMITS, entries: 10 });
  expect(entries).toHaveLength(11);
  expect(entries.at(-1)).toEqual({ name: "a.zip", problem: "holds more than 10 files" });
});

it("names an entry that is damaged and goes on with the next", async () => {
  const bytes = Uint8Array.from({ length: 5000 }, (_, i) => (i * i) % 251);
  const zip = zipSync({ "bad.png": bytes, "good.png": bytes });
  zip.fill(0xff, 40, 80);
  const [bad, good] = await entriesOf(zip);
  expect(bad).toEqual({ name: "bad.png", problem: "the archive's entry is damaged" });
  expect(good).toEqual({ name: "good.png", bytes });
});

it("says so when an entry is packed in an unknown way, or encrypted", async () => {
  const zip = zipSync({ "a.png": Uint8Array.of(1, 2, 3), "b.png": Uint8Array.of(4) });
  const first = directoryEntry(zip);
  zip[first + 10] = 93;
  zip[directoryEntry(zip, first + 1) + 8]! |= 1;
  expect(await entriesOf(zip)).toEqual([
    { name: "a.png", problem: expect.stringContaining("method 93") },
    { name: "b.png", problem: expect.stringContaining("encrypted; pack it again") },
  ]);
});

it("says so when the archive is cut short", async () => {
  const zip = zipSync({ "a.png": Uint8Array.of(1, 2, 3) });
  expect(await entriesOf(zip.subarray(0, 40))).toEqual([
    { name: "a.zip", problem: expect.stringContaining("cut short") },
  ]);
});
