import { zipSync, Zip, ZipDeflate } from "fflate";
import fc from "fast-check";
import { expect, it } from "vitest";
import { zipEntries, ZIP_LIMITS, type ZipEntry } from "../../../client/images/zip.ts";

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function entriesOf(
  zip: Uint8Array,
  size = 1 << 16,
  limits = ZIP_LIMITS,
): Promise<ZipEntry[]> {
  const entries: ZipEntry[] = [];
  for await (const entry of zipEntries(pieces(zip, size), "a.zip", limits)) entries.push(entry);
  return entries;
}

it("unpacks the same whatever the pieces the archive comes in", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.uint8Array({ maxLength: 3000 }), fc.constantFrom(0, 6)), {
        maxLength: 6,
      }),
      fc.integer({ min: 1, max: 500 }),
      async (contents, size) => {
        const files = Object.fromEntries(
          contents.map(([bytes, level], i) => [`f${i}`, [bytes, { level }]] as const),
        ) as Parameters<typeof zipSync>[0];
        const entries = await entriesOf(zipSync(files), size);
        expect(entries).toEqual(contents.map(([bytes], i) => ({ name: `f${i}`, bytes })));
      },
    ),
    { numRuns: 50 },
  );
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

it("refuses a bomb that does not declare its size", async () => {
  const parts: Uint8Array[] = [];
  const zip = new Zip((_error, chunk) => parts.push(chunk));
  const entry = new ZipDeflate("bomb.png");
  zip.add(entry);
  for (let i = 0; i < 40; i++) entry.push(new Uint8Array(2 ** 20), i === 39);
  zip.end();
  const limits = { ...ZIP_LIMITS, entryBytes: 8 * 2 ** 20 };
  expect(await entriesOf(Buffer.concat(parts), 1 << 16, limits)).toEqual([
    { name: "bomb.png", problem: "unpacks to more than 8 MiB" },
  ]);
});

it("stops at an archive of too many files", async () => {
  const many = zipSync(
    Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f${i}`, new Uint8Array()])),
  );
  const entries = await entriesOf(many, 100, { ...ZIP_LIMITS, entries: 10 });
  expect(entries.at(-1)).toEqual({ name: "a.zip", problem: "holds more than 10 files" });
});

it("names an entry that is damaged and goes on with the next", async () => {
  const bytes = Uint8Array.from({ length: 5000 }, (_, i) => (i * i) % 251);
  const zip = zipSync({ "bad.png": bytes, "good.png": bytes });
  zip.fill(0xff, 40, 80);
  const [bad, good] = await entriesOf(zip);
  expect(bad).toMatchObject({ name: "bad.png", problem: expect.stringContaining("damaged") });
  expect(good).toEqual({ name: "good.png", bytes });
});

it("says so when an entry is packed in an unknown way", async () => {
  const zip = zipSync({ "a.png": Uint8Array.of(1, 2, 3) });
  zip[8] = 93;
  expect(await entriesOf(zip)).toMatchObject([
    { name: "a.png", problem: expect.stringContaining("method 93") },
  ]);
});
