import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { strToU8, zipSync } from "fflate";
import { packTar } from "modern-tar";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import {
  memorySource,
  UnreadableError,
  type FoundImage,
} from "../../../client/images/found-image.ts";
import { imagesIn } from "../../../client/images/images-in.ts";
import { greyOf } from "../../../client/images/picture.ts";

/** What is found in a file, with labels of what lies beside it. */
async function foundIn(name: string, bytes: Uint8Array, beside: Record<string, Uint8Array> = {}) {
  const found: FoundImage[] = [];
  const source = {
    ...memorySource(name, bytes),
    beside: (other: string) => Promise.resolve(beside[other] && memorySource(other, beside[other])),
  };
  for await (const one of imagesIn(source, { withLabels: true })) found.push(one);
  return found;
}

const problemsOf = (found: readonly FoundImage[]) =>
  found.map((one) => ("problem" in one ? one.problem : one.name));
const labelsOf = (found: readonly FoundImage[]) =>
  found.map((one) => ("label" in one ? one.label : undefined));
/** First values of pictures, grey where they are. */
const greysOf = (found: readonly FoundImage[]) =>
  found.map((one) => ("picture" in one ? [...greyOf(one.picture).data] : undefined));

function idx(type: number, shape: readonly number[], data: ArrayLike<number>): Uint8Array {
  const head = new DataView(new ArrayBuffer(4 + 4 * shape.length));
  head.setUint32(0, type * 256 + shape.length);
  shape.forEach((length, axis) => head.setUint32(4 + 4 * axis, length));
  return Buffer.concat([new Uint8Array(head.buffer), Uint8Array.from(data)]);
}

function npy(type: string, shape: readonly number[], data: ArrayBufferView, more = "False") {
  const described = `{'descr': '${type}', 'fortran_order': ${more}, 'shape': (${shape.join(", ")},), }`;
  const header = described.padEnd(117) + "\n";
  const head = Buffer.from(
    `\u0093NUMPY\u0001\0${String.fromCharCode(header.length)}\0${header}`,
    "latin1",
  );
  return Buffer.concat([head, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]);
}

const squares = (count: number) => Uint8Array.from({ length: count }, (_, i) => (i * i) % 256);
const png = async (grey: number) =>
  new Uint8Array(
    await sharp({
      create: { width: 2, height: 2, channels: 3, background: { r: grey, g: grey, b: grey } },
    })
      .png()
      .toBuffer(),
  );

describe("MNIST's files", () => {
  const images = idx(8, [2, 5, 5], squares(50));
  const labels = idx(8, [2], [7, 3]);

  it("give grey pictures, and labels of the file beside, packed or not, under any name", async () => {
    const found = await foundIn("train-images-idx3-ubyte", images, {
      "train-labels-idx1-ubyte": labels,
    });
    expect(greysOf(found)).toEqual([[...squares(25)], [...squares(50).subarray(25)]]);
    expect(labelsOf(found)).toEqual([7, 3]);
    const packed = await foundIn("t10k-images-idx3-ubyte.gz", gzipSync(images), {
      "t10k-labels-idx1-ubyte.gz": gzipSync(labels),
    });
    expect([greysOf(packed), labelsOf(packed)]).toEqual([greysOf(found), [7, 3]]);
    expect(greysOf(await foundIn("mnist.bin", images))).toEqual(greysOf(found));
  });

  it("of labels alone, or cut short, say so", async () => {
    expect(problemsOf(await foundIn("t10k-labels-idx1-ubyte", labels))).toEqual([
      expect.stringContaining("labels and no pictures"),
    ]);
    const black = await foundIn("black-idx3-ubyte", idx(8, [1, 5, 5], new Uint8Array(25)));
    expect(greysOf(black)).toEqual([Array.from({ length: 25 }, () => 0)]);
    await expect(foundIn("a-idx3-ubyte", images.subarray(0, 60))).rejects.toThrow(UnreadableError);
  });
});

describe("NumPy's arrays", () => {
  it("hold pictures with channels last or first, told by their shape", async () => {
    const last = Uint8Array.from({ length: 2 * 75 }, (_, i) => (i * 7) % 256);
    const first = Uint8Array.from({ length: 2 * 75 }, (_, i) => {
      const [image, channel, pixel] = [Math.floor(i / 75), Math.floor((i % 75) / 25), i % 25];
      return last[image * 75 + pixel * 3 + channel]!;
    });
    const found = await foundIn("a.npy", npy("|u1", [2, 5, 5, 3], last));
    expect(found).toHaveLength(2);
    expect(await foundIn("a.npy", npy("|u1", [2, 3, 5, 5], first))).toEqual(found);
    expect(await foundIn("a.npy", npy("|u1", [5, 5, 3], last.subarray(0, 75)))).toEqual([found[0]]);
  });

  it("of numbers with a fraction, or whole ones, are pixels where their range is 0–1 or 0–255", async () => {
    const bytes = squares(25);
    const plain = greysOf(await foundIn("a.npy", npy("|u1", [1, 5, 5], bytes)));
    const units = Float32Array.from(bytes, (value) => value / 255);
    expect(greysOf(await foundIn("a.npy", npy("<f4", [1, 5, 5], units)))).toEqual(plain);
    expect(
      greysOf(await foundIn("a.npy", npy("<f8", [1, 5, 5], Float64Array.from(bytes)))),
    ).toEqual(plain);
    expect(
      greysOf(await foundIn("a.npy", npy("<i8", [1, 5, 5], BigInt64Array.from(bytes, BigInt)))),
    ).toEqual(plain);
    const normalised = units.map((value) => (value - 0.5) / 0.25);
    expect(problemsOf(await foundIn("a.npy", npy("<f4", [1, 5, 5], normalised)))).toEqual([
      "its numbers go from -2 to 1.58, which are no pixels: give them before they are normalised, 0–255 or 0–1",
    ]);
    const deep = Uint16Array.from(bytes, (value) => 16 * value);
    expect(problemsOf(await foundIn("a.npy", npy("<u2", [1, 5, 5], deep)))).toEqual([
      expect.stringMatching(/from 0 to 3648: bring them to 0–255/),
    ]);
  });

  it.each([
    ["<f4", Float32Array.from(squares(25), (value) => value / 200)],
    ["|u1", squares(25).map((value) => value % 2)],
    ["<i8", BigInt64Array.from(squares(25), (value) => BigInt(value % 2))],
  ])("of %s that may be of 0–1 or of 0–255 are refused", async (type, numbers) => {
    expect(problemsOf(await foundIn("a.npy", npy(type, [1, 5, 5], numbers)))).toEqual([
      expect.stringMatching(/from 0 to (1.\d+|1): bring them to 0–255/),
    ]);
  });

  it.each([
    ["that may be read in two ways", npy("|u1", [2, 3, 8, 3], squares(144)), /N×C×H×W or N×H×W×C/],
    [
      "of one row a picture",
      npy("|u1", [2, 3072], squares(6144)),
      /2×3072, which is not one of pictures/,
    ],
    ["of nothing", npy("|u1", [0, 5, 5], new Uint8Array()), /0×5×5, which holds nothing/],
    ["of Python objects", npy("|O", [2, 5, 5], squares(50)), /Python objects, which are not read/],
    ["in Fortran's order", npy("|u1", [2, 5, 5], squares(50), "True"), /ascontiguousarray/],
    [
      "of channels that nobody has",
      npy("|u1", [2, 5, 5, 7], squares(350)),
      /no axis is one of 1, 3 or 4/,
    ],
  ])("%s are refused, saying why", async (_, bytes, reason) => {
    expect(problemsOf(await foundIn("a.npy", bytes))).toEqual([expect.stringMatching(reason)]);
  });

  it("in an npz have the labels of the array that goes with theirs", async () => {
    const pictures = npy("|u1", [2, 5, 5], squares(50));
    const found = await foundIn(
      "set.npz",
      zipSync({ "x_test.npy": pictures, "y_test.npy": npy("<i4", [2, 1], Int32Array.of(4, 1)) }),
    );
    expect(labelsOf(found)).toEqual([4, 1, undefined]);
    expect(problemsOf(found)[2]).toContain("labels and no pictures");
    const medical = zipSync({
      "val_images.npy": pictures,
      "val_labels.npy": npy("|u1", [2, 1], Uint8Array.of(0, 9)),
    });
    expect(labelsOf(await foundIn("set.npz", medical)).slice(0, 2)).toEqual([0, 9]);
  });

  it("have one-hot labels, and such as are whole numbers of any type", async () => {
    const pictures = npy("|u1", [2, 5, 5], squares(50));
    const labelled = async (labels: Uint8Array) =>
      labelsOf(await foundIn("x_test.npy", pictures, { "y_test.npy": labels }));
    const oneHot = [0, 0, 1, 1, 0, 0];
    expect(await labelled(npy("|b1", [2, 3], Uint8Array.from(oneHot)))).toEqual([2, 0]);
    expect(await labelled(npy("<f4", [2, 3], Float32Array.from(oneHot)))).toEqual([2, 0]);
    expect(await labelled(npy("<f8", [2], Float64Array.of(5, 1)))).toEqual([5, 1]);
    const packed = zipSync({
      "x_test.npy": pictures,
      "y_test.npy": npy("|u1", [2, 3], Uint8Array.from(oneHot)),
    });
    expect(labelsOf(await foundIn("set.npz", packed)).slice(0, 2)).toEqual([2, 0]);
    for (const [labels, says] of [
      [
        npy("<f4", [2, 2], Float32Array.of(0.5, 0.5, 0, 1)),
        /y_test.npy, .*rows of 2 are no one-hot labels \(0.5 at 0\).*argmax/,
      ],
      [npy("|u1", [2, 2], Uint8Array.of(1, 1, 0, 1)), /no one-hot labels \(1 at 1\)/],
      [npy("|u1", [2, 2], Uint8Array.of(0, 0, 0, 1)), /a row of zeros/],
      [npy("<f4", [2], Float32Array.of(0.5, 1)), /holds 0.5 for picture 0.*whole number/],
      [npy("|i1", [2], Int8Array.of(-1, 1)), /holds -1 for picture 0/],
      [npy("|u1", [2, 20000], new Uint8Array(40000)), /20000 numbers .* at most 10000 classes/],
    ] as const) {
      await expect(labelled(labels)).rejects.toThrow(says);
    }
  });
});

const recordsOf = (count: number, labelBytes: number) =>
  Uint8Array.from({ length: count * (3072 + labelBytes) }, (_, i) => (i * 31 + (i >> 10)) % 251);

describe("records", () => {
  it("of CIFAR-100 are told from CIFAR-10's by their length: the fine label counts", async () => {
    const bytes = recordsOf(3, 2);
    for (const [index, [coarse, fine]] of [
      [4, 90],
      [0, 7],
      [19, 99],
    ].entries())
      bytes.set([coarse!, fine!], index * 3074);
    const found = await foundIn("train.bin", bytes);
    expect(labelsOf(found)).toEqual([90, 7, 99]);
    const [first] = found;
    expect("picture" in first! && [...first.picture.data.subarray(0, 3)]).toEqual([
      bytes[2],
      bytes[1026],
      bytes[2050],
    ]);
  });

  it("of no such length say what lengths there are", async () => {
    expect(problemsOf(await foundIn("odd.bin", recordsOf(2, 1).subarray(1)))).toEqual([
      expect.stringMatching(
        /6145 bytes are no multiple of 3073 .*CIFAR-10.* nor of 3074 .*CIFAR-100/,
      ),
    ]);
  });
});

const named = (module: string, name: string) => `c${module}\n${name}\n`;
const text = (said: string) => `U${String.fromCharCode(said.length)}${said}`;
const nameless = (found: readonly FoundImage[]) => found.map((one) => ({ ...one, name: "" }));

/** A pickled dict of Python 2, as CIFAR's are. */
function pickledBatch(
  key: string,
  labels: readonly number[],
  data: Uint8Array,
  each: readonly number[] = [3072],
): Uint8Array {
  const length = new Uint8Array(Uint32Array.of(data.length).buffer);
  const array = `${named("numpy.core.multiarray", "_reconstruct")}${named("numpy", "ndarray")}K\0\x85${text("b")}\x87R`;
  const type = `${named("numpy", "dtype")}${text("u1")}K\0K\x01\x87R`;
  const lengths = [data.length / 3072, ...each].map(
    (count) => `M${String.fromCharCode(count & 255, count >> 8)}`,
  );
  const shape = `(${lengths.join("")}t`;
  return Buffer.concat([
    Buffer.from(`\x80\x02}(${text("data")}${array}(K\x01${shape}${type}\x89T`, "latin1"),
    length,
    data,
    Buffer.from(`tb${text(key)}](`, "latin1"),
    Buffer.from(`${labels.map((label) => `K${String.fromCharCode(label)}`).join("")}eu.`, "latin1"),
  ]);
}

/** Labels as an array of int64, and the end of the pickle. */
function labelArray(labels: readonly number[]): string {
  const bytes = String.fromCharCode(...new Uint8Array(BigInt64Array.from(labels, BigInt).buffer));
  const array = `${named("numpy.core.multiarray", "_reconstruct")}${named("numpy", "ndarray")}K\0\x85${text("b")}\x87R`;
  const type = `${named("numpy", "dtype")}${text("i8")}K\0K\x01\x87R`;
  return `${array}(K\x01K${String.fromCharCode(labels.length)}\x85${type}\x89${text(bytes)}tbu.`;
}

describe("CIFAR's Python batches", () => {
  it("are what the binary records of the same pictures are", async () => {
    const records = recordsOf(2, 1);
    records[0] = 5;
    records[3073] = 8;
    const data = Buffer.concat([records.subarray(1, 3073), records.subarray(3074)]);
    const wanted = nameless(await foundIn("a.bin", records));
    for (const key of ["labels", "fine_labels"]) {
      const batch = pickledBatch(key, [5, 8], data);
      expect(nameless(await foundIn("data_batch_1", batch))).toEqual(wanted);
    }
    const listed = pickledBatch("labels", [5, 8], data);
    const asArray = Buffer.from(listed.subarray(0, -"](K\x05K\x08eu.".length));
    const array = Buffer.concat([asArray, Buffer.from(labelArray([5, 8]), "latin1")]);
    expect(nameless(await foundIn("data_batch_1", array))).toEqual(wanted);
    const planes = pickledBatch("labels", [5, 8], data, [3, 32, 32]);
    expect(nameless(await foundIn("data_batch_1", planes))).toEqual(wanted);
  });

  it("say so where they hold no pictures, or would run code", async () => {
    const meta = Buffer.from("\x80\x02}U\x04nameU\x03cats.", "latin1");
    const hostile = Buffer.from("\x80\x02cos\nsystem\nU\x05touch\x85R.", "latin1");
    const last = pickledBatch("labels", [5], new Uint8Array(3072), [32, 32, 3]);
    expect(problemsOf(await foundIn("data_batch_1", last))).toEqual([
      expect.stringContaining("no CIFAR batch"),
    ]);
    const plain = Buffer.from("(dp0\nVname\np1\nVcats\np2\ns.", "latin1");
    expect(problemsOf(await foundIn("of-protocol-0", plain))).toEqual([
      expect.stringContaining("no CIFAR batch"),
    ]);
    expect(problemsOf(await foundIn("batches.meta", meta))).toEqual([
      expect.stringContaining("no CIFAR batch"),
    ]);
    expect(problemsOf(await foundIn("data_batch_1", hostile))).toEqual([
      expect.stringContaining("would run code where Python opens it"),
    ]);
  });
});

const tarFile = (name: string, body: Uint8Array | string) => {
  const bytes = typeof body === "string" ? strToU8(body) : body;
  return { header: { name, size: bytes.length, type: "file" as const }, body: bytes };
};

describe("a tar", () => {
  it("of WebDataset's has labels of its samples, and says nothing of what else is in them", async () => {
    const tar = await packTar([
      tarFile("s/000.cls", "3\n"),
      tarFile("s/000.jpg", await png(10)),
      tarFile("s/000.json", "{}"),
      tarFile("s/001.png", await png(20)),
      tarFile("s/001.cls", "12"),
      tarFile("notes.txt", "hello"),
      tarFile("._001.png", "junk"),
    ]);
    for (const [name, bytes] of [
      ["a.tar", tar],
      ["a.tar.gz", gzipSync(tar)],
    ] as const) {
      const found = await foundIn(name, bytes);
      expect(labelsOf(found)).toEqual([3, 12, undefined]);
      expect(problemsOf(found)).toEqual([
        `${name}/s/000.jpg`,
        `${name}/s/001.png`,
        expect.stringContaining("content is text"),
      ]);
    }
  });

  it("gives the data sets in it, too; archives in it are not opened", async () => {
    const tar = await packTar([
      tarFile("cifar/data_batch_1.bin", new Uint8Array(2 * 3073).fill(6)),
      tarFile("inner.zip", zipSync({ "a.png": await png(1) })),
    ]);
    const found = await foundIn("cifar.tgz", gzipSync(tar));
    expect(labelsOf(found)).toEqual([6, 6, undefined]);
    expect(problemsOf(found)[2]).toMatch(/an archive within an archive is not opened: unpack/);
  });

  it("that is cut short says so", async () => {
    const packed = gzipSync(await packTar([tarFile("a.png", squares(40_000))]));
    await expect(foundIn("a.tar.gz", packed.subarray(0, packed.length / 2))).rejects.toThrow(
      "is damaged or cut short; copy or download it again",
    );
  });
});

const readParquet = () => readFile("tests/fixtures/pictures.parquet");

describe("a parquet file", () => {
  it("gives pictures and classes of the columns that Hugging Face's features name", async () => {
    const found = await foundIn("a.parquet", await readParquet());
    expect(labelsOf(found)).toEqual([2, 0, 1, undefined]);
    expect(problemsOf(found)).toEqual([
      "a.parquet/row 0",
      "a.parquet/row 1",
      "a.parquet/row 2",
      expect.stringContaining("only the path of another"),
    ]);
    const decoded = await Promise.all(
      found.flatMap((one) => ("bytes" in one ? [sharp(one.bytes).raw().toBuffer()] : [])),
    );
    expect(decoded.map(([grey]) => grey)).toEqual([10, 20, 30]);
  });

  it("of more rows than any has is refused before they are made room for", async () => {
    const bytes = await readParquet();
    // Of its first group: 574 bytes, and 2 rows.
    const at = bytes.indexOf(Buffer.from([0x16, 0xfc, 0x08, 0x16, 0x04])) + 3;
    // 2 ** 31 in their place, four bytes longer, as is what says how long the end is.
    const many = Buffer.from([0x16, 0x80, 0x80, 0x80, 0x80, 0x10]);
    const claimed = Buffer.concat([bytes.subarray(0, at), many, bytes.subarray(at + 2)]);
    claimed.writeUInt32LE(bytes.readUInt32LE(bytes.length - 8) + 4, claimed.length - 8);
    expect(problemsOf(await foundIn("a.parquet", claimed))).toEqual([
      expect.stringMatching(/a group of it has 2147483648 rows/),
    ]);
  });

  it("that is damaged says so", async () => {
    const bytes = await readParquet();
    await expect(foundIn("a.parquet", bytes.subarray(0, -8))).rejects.toThrow(UnreadableError);
  });
});
