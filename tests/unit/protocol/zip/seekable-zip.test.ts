import { zipSync } from "fflate";
import fc from "fast-check";
import { expect, it } from "vitest";
import { zipMembers, type ByteSource } from "../../../../protocol/zip/seekable-zip.ts";
import { ZipError } from "../../../../protocol/zip/zip-error.ts";
import { bytesSource, directoryEntry } from "./zip-bytes.ts";

async function membersOf(source: ByteSource, most = 1000) {
  const members = [];
  for await (const member of zipMembers(source, most)) members.push(member);
  return members;
}

const refusal = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => expect.fail("nothing was thrown"),
    (error: unknown) => {
      expect(error).toBeInstanceOf(ZipError);
      return (error as ZipError).code;
    },
  );

it("lists and unpacks what was packed, stored or deflated", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.uint8Array({ maxLength: 3000 }), fc.constantFrom(0, 6)), {
        maxLength: 6,
      }),
      async (contents) => {
        const files = Object.fromEntries(
          contents.map(([bytes, level], i) => [`f${i}`, [bytes, { level }]] as const),
        ) as Parameters<typeof zipSync>[0];
        const members = await membersOf(bytesSource(zipSync(files)));
        expect(members.map(({ name, size }) => [name, size])).toEqual(
          contents.map(([bytes], i) => [`f${i}`, bytes.length]),
        );
        for (const [i, member] of members.entries()) {
          expect(await member.read(3000)).toEqual(contents[i]![0]);
        }
      },
    ),
    { numRuns: 50 },
  );
});

it("reads by ranges: of a large archive the directory, and what is asked for", async () => {
  const large = Uint8Array.from({ length: 1 << 20 }, (_, i) => (i * i) >> 5);
  const zip = zipSync({ large: [large, { level: 0 }], small: Uint8Array.of(7) });
  let read = 0;
  const source = bytesSource(zip, (length) => (read += length));
  const small = (await membersOf(source)).find(({ name }) => name === "small")!;
  expect(await small.read(1)).toEqual(Uint8Array.of(7));
  expect(read).toBeLessThan(zip.length / 2);
});

it("unpacks nothing that declares more than is wanted", async () => {
  let read = 0;
  const zip = zipSync({ bomb: new Uint8Array(5 << 20) });
  const [bomb] = await membersOf(bytesSource(zip, (length) => (read += length)));
  const before = read;
  expect(await refusal(bomb!.read((5 << 20) - 1))).toBe("too-large");
  expect(read).toBe(before);
});

it("stops a bomb that declares less than it unpacks to", async () => {
  const zip = zipSync({ bomb: new Uint8Array(5 << 20) });
  new DataView(zip.buffer).setUint32(directoryEntry(zip) + 24, 100, true);
  const [bomb] = await membersOf(bytesSource(zip));
  expect(bomb!.size).toBe(100);
  expect(await refusal(bomb!.read(1000))).toBe("member-damaged");
});

it("asks its source for nothing beyond its end, wherever the directory points", async () => {
  const zip = zipSync({ a: [Uint8Array.of(1), { level: 0 }], b: Uint8Array.of(2) });
  new DataView(zip.buffer).setUint32(directoryEntry(zip) + 42, 0x7fffffff, true);
  const [astray, other] = await membersOf(
    bytesSource(zip, (length) => void new Uint8Array(length)),
  );
  expect(await refusal(astray!.read(10))).toBe("member-damaged");
  expect(await other!.read(10)).toEqual(Uint8Array.of(2));
});

it("is never in memory as a whole, whatever its directory declares", async () => {
  const large = 2 ** 30;
  const end = zipSync({ a: Uint8Array.of(1) }).slice(-22);
  // A directory from the first byte on, with a header's beginning there.
  new DataView(end.buffer).setUint32(16, 0, true);
  const header = new TextEncoder().encode("PK\u0001\u0002");
  let most = 0;
  const source: ByteSource = {
    size: large + end.length,
    read: (offset, length) => {
      most = Math.max(most, length);
      const bytes = new Uint8Array(length);
      if (offset === 0) bytes.set(header.subarray(0, length));
      if (offset + length > large)
        bytes.set(end.subarray(Math.max(0, offset - large)), Math.max(0, large - offset));
      return Promise.resolve(bytes);
    },
  };
  expect(await refusal(membersOf(source))).toBe("damaged");
  expect(most).toBeLessThan(2 ** 28);
});

it("compares checksums", async () => {
  const zip = zipSync({ a: [Uint8Array.of(1, 2, 3), { level: 0 }] });
  zip[31]! ^= 1;
  const [member] = await membersOf(bytesSource(zip));
  expect(await refusal(member!.read(10))).toBe("member-damaged");
});

it("tells what is encrypted, and what is packed in another way", async () => {
  const zip = zipSync({ a: Uint8Array.of(1), b: Uint8Array.of(2) });
  const first = directoryEntry(zip);
  zip[first + 8]! |= 1;
  zip[directoryEntry(zip, first + 1) + 10] = 93;
  const [encrypted, other] = await membersOf(bytesSource(zip));
  expect(await refusal(encrypted!.read(10))).toBe("encrypted");
  expect(await refusal(other!.read(10))).toBe("unknown-method");
});

it("stops at too many members", async () => {
  const zip = zipSync({ a: Uint8Array.of(), b: Uint8Array.of(), c: Uint8Array.of() });
  expect(await membersOf(bytesSource(zip), 3)).toHaveLength(3);
  expect(await refusal(membersOf(bytesSource(zip), 2))).toBe("too-many-members");
});

it("tells an archive whose end is missing from one that is damaged", async () => {
  const zip = zipSync({ a: new Uint8Array(100), b: new Uint8Array(100) });
  expect(await refusal(membersOf(bytesSource(zip.subarray(0, 60))))).toBe("cut-short");
  expect(await refusal(membersOf(bytesSource(new Uint8Array())))).toBe("cut-short");
  const damaged = zip.slice();
  damaged.fill(0xff, directoryEntry(zip, directoryEntry(zip) + 1));
  damaged.set(zip.subarray(-22), damaged.length - 22);
  expect(await refusal(membersOf(bytesSource(damaged)))).toBe("damaged");
});

it("throws what its source throws", async () => {
  const gone = new Error("the disk is gone");
  const nowhere: ByteSource = { size: 1000, read: () => Promise.reject(gone) };
  await expect(membersOf(nowhere)).rejects.toBe(gone);

  let failing = false;
  const zip = zipSync({ a: Uint8Array.of(1, 2) });
  const source = bytesSource(zip);
  const flaky: ByteSource = {
    ...source,
    read: (offset, length) => (failing ? Promise.reject(gone) : source.read(offset, length)),
  };
  const [member] = await membersOf(flaky);
  failing = true;
  await expect(member!.read(10)).rejects.toBe(gone);
});
