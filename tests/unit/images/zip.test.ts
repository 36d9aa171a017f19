import { zipSync } from "fflate";
import { expect, it } from "vitest";
import { memorySource } from "../../../client/images/found-image.ts";
import { imagesIn } from "../../../client/images/images-in.ts";
import { zipImages } from "../../../client/images/sets/zip.ts";
import { bytesSource, directoryEntry } from "../protocol/zip/zip-bytes.ts";

/** Of what is no picture the reason, which is all that is looked at here. */
async function entriesOf(zip: Uint8Array, most?: number) {
  const entries: { readonly name: string; readonly problem: string }[] = [];
  const source = memorySource("a.zip", zip);
  for await (const { name, ...found } of zipImages(source, { withLabels: false }, imagesIn, most)) {
    entries.push({ name, problem: "problem" in found ? found.problem : "" });
  }
  return entries;
}

const TEXT = "not a picture: its content is text";
const text = (length: number): Uint8Array => new Uint8Array(length).fill(0x61);

it("gives files in the order of the directory, without folders and hidden files", async () => {
  const files = { "b.png": text(1), "folder/": Uint8Array.of(), ".x": text(3) };
  expect(await entriesOf(zipSync({ ...files, "folder/a.png": text(2) }))).toEqual([
    { name: "a.zip/b.png", problem: TEXT },
    { name: "a.zip/folder/a.png", problem: TEXT },
  ]);
});

it("lists an archive once for the labels of all its files, and unpacks them once", async () => {
  const header = "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2, 2), }".padEnd(117);
  const pictures = Buffer.from(`\u0093NUMPY\u0001\0v\0${header}\n\0\u0009\u0040\u0080`, "latin1");
  const files = Object.fromEntries(
    Array.from({ length: 50 }, (_, i) => [`s/x_${i}.npy`, pictures]),
  );
  const zip = zipSync({ ...files, "s/labels.npy": new Uint8Array(2 ** 16) }, { level: 0 });
  let read = 0;
  const source = { name: "a.zip", ...bytesSource(zip, (length) => (read += length)) };
  let count = 0;
  for await (const found of zipImages(source, { withLabels: true }, imagesIn))
    count += Number("picture" in found);
  expect(count).toBe(50);
  expect(read).toBeLessThan(10 * zip.length);
});

it("refuses a bomb: an entry that unpacks to far more than its packed size", async () => {
  const bomb = zipSync({
    "bomb.png": new Uint8Array(80 * 2 ** 20),
    "after.png": text(2),
  });
  expect(bomb.length).toBeLessThan(200_000);
  expect(await entriesOf(bomb)).toEqual([
    { name: "a.zip/bomb.png", problem: "unpacks to more than 64 MiB" },
    { name: "a.zip/after.png", problem: TEXT },
  ]);
});

it("stops at an archive of too many files", async () => {
  const many = zipSync(
    Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f${i}`, new Uint8Array()])),
  );
  const entries = await entriesOf(many, 10);
  expect(entries).toHaveLength(11);
  expect(entries.at(-1)).toEqual({ name: "a.zip", problem: "holds more than 10 files" });
});

it("names an entry that is damaged and goes on with the next", async () => {
  const bytes = Uint8Array.from({ length: 5000 }, (_, i) => 0x61 + (((i * i) >> 3) % 25));
  const zip = zipSync({ "bad.png": bytes, "good.png": bytes });
  zip.fill(0xff, 40, 80);
  expect(await entriesOf(zip)).toEqual([
    { name: "a.zip/bad.png", problem: "the archive's entry is damaged" },
    { name: "a.zip/good.png", problem: TEXT },
  ]);
});

it("says so when an entry is packed in an unknown way, or encrypted: by ZipCrypto or AES", async () => {
  const zip = zipSync({ "a.png": text(3), "b.png": text(1), "c.png": text(2) });
  const first = directoryEntry(zip);
  const second = directoryEntry(zip, first + 1);
  zip[first + 10] = 93;
  zip[second + 8]! |= 1;
  zip[directoryEntry(zip, second + 1) + 10] = 99;
  expect(await entriesOf(zip)).toEqual([
    { name: "a.zip/a.png", problem: expect.stringContaining("method 93") },
    { name: "a.zip/b.png", problem: expect.stringContaining("encrypted; pack it again") },
    { name: "a.zip/c.png", problem: expect.stringContaining("encrypted; pack it again") },
  ]);
});

it("says so when the archive is cut short", async () => {
  const zip = zipSync({ "a.png": Uint8Array.of(1, 2, 3) });
  expect(await entriesOf(zip.subarray(0, 40))).toEqual([
    { name: "a.zip", problem: expect.stringContaining("cut short") },
  ]);
});
