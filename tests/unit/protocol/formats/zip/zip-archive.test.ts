import { concatBytes } from "@noble/hashes/utils.js";
import { unzipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { bytesInMemory } from "../../../../../protocol/formats/byte-source.ts";
import { crc32 } from "../../../../../protocol/formats/zip/crc32.ts";
import { rewriteZip } from "../../../../../protocol/formats/zip/rewrite-zip.ts";
import { ZipArchive } from "../../../../../protocol/formats/zip/zip-archive.ts";
import { refusal } from "../../problem.ts";
import { makeZip, type ZipShape } from "./make-zip.ts";

const text = (words: string) => new TextEncoder().encode(words);
const FILES = [
  ["m/a.pkl", text("pickled")],
  ["m/data/0", text("0123456789")],
  ["m/é", text("")],
  ["m/data/1", text("abcdef")],
] as const;

const SHAPES: readonly ZipShape[] = [
  {},
  { descriptors: true, padding: 60, zip64: true },
  { descriptors: true, comment: "PK\u0006\u0005 is no end" },
  { padding: 7, zip64: true },
];

const open = (zip: Uint8Array) => ZipArchive.open(bytesInMemory(zip));
const refused = (zip: Uint8Array) => refusal("malformed-model", open(zip));

/** What reading the first entry comes to. */
async function asked(zip: Uint8Array): Promise<string> {
  const archive = await open(zip);
  return refusal("malformed-model", archive.read(archive.entries[0]!, 100));
}

/** `zip` with the bytes at `at` replaced. */
function patched(zip: Uint8Array, at: number, ...bytes: number[]): Uint8Array {
  const copy = zip.slice();
  copy.set(bytes, at);
  return copy;
}

const find = (zip: Uint8Array, mark: string, from = 0) =>
  Buffer.from(zip.buffer, zip.byteOffset, zip.length).indexOf(mark, from, "latin1");

async function rewritten(zip: Uint8Array, contents: Record<string, readonly Uint8Array[]>) {
  const archive = await open(zip);
  const pieces: Uint8Array[] = [];
  const replaced = new Map(
    Object.entries(contents).map(([name, content]) => [
      archive.entry(name)!,
      async function* again() {
        for (const piece of content) yield await Promise.resolve(piece);
      },
    ]),
  );
  for await (const piece of rewriteZip(archive, replaced)) pieces.push(piece);
  return concatBytes(...pieces);
}

describe("a zip archive read by ranges", () => {
  it.each(SHAPES)("[T1] lists and gives what it holds: %o", async (shape) => {
    const archive = await open(makeZip(FILES, shape));
    expect(archive.entries.map(({ name, size }) => [name, size])).toEqual(
      FILES.map(([name, { length }]) => [name, length]),
    );
    for (const [name, data] of FILES) {
      expect(await archive.read(archive.entry(name)!, 10)).toEqual(data);
    }
    await expect(archive.read(archive.entries[1]!, 9)).rejects.toThrow(/'m\/data\/0' of 10 bytes/);
  });

  it("[T1] reads the end and local headers of what is asked for, not what lies between", async () => {
    const large = new Uint8Array(2 ** 20);
    const zip = makeZip([["m/large", large], ...FILES]);
    let read = 0;
    const archive = await ZipArchive.open({
      totalBytes: zip.length,
      read: (begin, end) => {
        read += end - begin;
        return zip.subarray(begin, end);
      },
    });
    await archive.read(archive.entry("m/data/1")!, 10);
    await archive.locate(archive.entries.slice(0, 1));
    expect(read).toBeLessThan(70_000);
  });

  it("[T1.1] refuses a name that stands twice, and entries that reach into each other", async () => {
    expect(await refused(makeZip([FILES[0], FILES[1], FILES[0]]))).toMatch(
      /two entries 'm\/a.pkl'/,
    );
    expect(await refused(makeZip([FILES[0], ["M/A.PKL", text("other")]]))).toMatch(
      /two entries 'M\/A.PKL'/,
    );
    const zip = makeZip(FILES);
    const second = find(zip, "PK\u0001\u0002", find(zip, "PK\u0001\u0002") + 1);
    const size = patched(zip, second + 20, 255, 0, 0, 0, 255);
    expect(await refused(size)).toMatch(/'m\/data\/0' of 255 bytes that reaches beyond/);
    expect(await refused(patched(zip, second + 42, 3))).toMatch(/reaches beyond byte 3/);
  });

  it("[T1.1] refuses a directory that is cut, claims too much or is not where it says", async () => {
    const zip = makeZip(FILES);
    const end = zip.length - 22;
    expect(await refused(zip.subarray(0, -1))).toMatch(/cut short/);
    expect(await refused(new Uint8Array(5))).toMatch(/cut short/);
    expect(await refused(concatBytes(text("x"), zip))).toMatch(/something stands before it/);
    expect(await refused(patched(zip, end + 10, 5))).toMatch(/no entry at byte/);
    expect(await refused(patched(zip, end + 10, 3))).toMatch(/belong to no entry/);
    expect(await refused(patched(zip, find(zip, "PK\u0001\u0002"), 0))).toMatch(/no entry at byte/);
    const large = makeZip(FILES, { zip64: true });
    const end64 = find(large, "PK\u0006\u0006");
    expect(await refused(patched(large, end64, 0))).toMatch(/no ZIP64 record/);
    expect(await refused(patched(large, end64 + 32, 1, 0, 1))).toMatch(/the limits are 65536/);
    expect(await refused(patched(large, end64 + 39, 255))).toMatch(/no file has/);
    expect(await refused(patched(large, find(large, "PK\u0006\u0007") + 8, 255, 255))).toMatch(
      /lies where it does not/,
    );
  });

  it("[T1.4] refuses a second end, which other readers would take for the first", async () => {
    // An archive whose comment ends in the end of another: PyTorch's reader finds the last signature.
    const hidden = `PK\u0005\u0006${"\0".repeat(16)}\u0001\0`;
    expect(await refused(makeZip(FILES, { comment: hidden }))).toMatch(
      /an end that is not its end/,
    );
    expect(await refused(makeZip(FILES, { comment: `${hidden}xy` }))).toMatch(/not its end/);
  });

  it("[T1.2] refuses entries that are packed, encrypted or described in two ways, when asked for", async () => {
    expect(await asked(makeZip(FILES, { method: 8 }))).toMatch(/packed \(method 8\).*zip -0/);
    expect(await asked(makeZip(FILES, { flags: 1 }))).toMatch(/encrypted/);
    const zip = makeZip(FILES);
    for (const at of [0, 6, 8, 14, 26, 31]) {
      expect(await asked(patched(zip, at, 9)), `byte ${at}`).toMatch(/one thing .* and another/);
    }
    expect(await asked(patched(zip, 29, 255))).toMatch(/one thing .* and another/);
    expect(await asked(patched(zip, 38, 9))).toMatch(/the checksum of 'm\/a.pkl' is another/);
  });
});

describe("other bytes in a zip archive", () => {
  it.each(SHAPES)("[T1.3] renew checksums and nothing else: %o", async (shape) => {
    const zip = makeZip(FILES, shape);
    const same = await rewritten(zip, { "m/data/0": [FILES[1][1]], "m/data/1": [FILES[3][1]] });
    expect(same).toEqual(zip);
    const other = await rewritten(zip, {
      "m/data/1": [text("ABCDEF")],
      "m/data/0": [text("98765"), text("43210")],
    });
    const expected = FILES.map(([name, data]) => {
      if (name === "m/data/0") return [name, text("9876543210")] as const;
      return name === "m/data/1" ? ([name, text("ABCDEF")] as const) : ([name, data] as const);
    });
    expect(other).toEqual(makeZip(expected, shape));
    // A reader that is not ours.
    expect(unzipSync(other)["m/data/1"]).toEqual(text("ABCDEF"));
  });

  it("[T1.3] leave an archive without checksums without", async () => {
    const zip = makeZip(FILES, { descriptors: true, unsummed: true });
    expect(await rewritten(zip, { "m/data/0": [FILES[1][1]] })).toEqual(zip);
  });

  it("[T1.3] are as many as before, and belong to the entry that the directory means", async () => {
    const zip = makeZip(FILES, { descriptors: true });
    const replaced = (...pieces: string[]) => rewritten(zip, { "m/data/0": pieces.map(text) });
    await expect(replaced("012345678", "9x")).rejects.toThrow(/more bytes came for 'm\/data\/0'/);
    await expect(replaced("0123")).rejects.toThrow(/6 bytes less came/);
    const behind = find(zip, "PK\u0007\u0008", find(zip, "0123456789"));
    const refusedRewrite = rewritten(patched(zip, behind + 4, 0, 0), {
      "m/data/0": [text("9876543210")],
    });
    expect(await refusal("malformed-model", refusedRewrite)).toMatch(
      /no checksum behind 'm\/data\/0'/,
    );
  });
});

describe("CRC-32", () => {
  it("has the check value of its definition, in pieces of any length", () => {
    const digits = text("123456789");
    expect(crc32(0, digits)).toBe(0xcbf4_3926);
    for (let cut = 0; cut < 9; cut++) {
      expect(crc32(crc32(0, digits.subarray(0, cut)), digits.subarray(cut))).toBe(0xcbf4_3926);
    }
  });
});
