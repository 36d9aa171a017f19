import { RAW_REASON } from "../../unread-kinds.ts";
import { colouredOf, type Picture } from "../../picture.ts";
import { turnUpright } from "../../webp-orientation.ts";
import { TiffDirectory } from "./directory.ts";
import { unpack } from "./unpack.ts";

/** What samples mean (TIFF 6.0, tag 262). */
const WHITE_IS_ZERO = 0;
const BLACK_IS_ZERO = 1;
const COLOURS = 2;
const PALETTE = 3;
const INKS = 5;

/** Of extra samples: opacity that colours are multiplied with already, and one that they are not. */
const MULTIPLIED = 1;
const OPACITY = 2;

/** Of each pixel: inks and their opacity. */
const MOST_SAMPLES = 5;

/** Pixels of a tile; usual are some 2 ** 16. */
const MOST_IN_TILE = 2 ** 24;

/** By how much a tile may be wider or higher than the picture; usual are tiles of 128 to 512. */
const MOST_BEYOND = 1024;

/** How a picture is stored. */
interface Storage {
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  readonly samples: number;
  readonly photometric: number;
}

/**
 * Decodes the first picture of a TIFF, upright: grey, colours, palettes or inks of 1 to 16 bits, in strips
 * or tiles, plain or packed with LZW, Deflate or PackBits.
 *
 * @throws Error that says what is wrong with the file, or what of it is not read.
 */
export async function decodeTiff(bytes: Uint8Array): Promise<Picture> {
  let directory: TiffDirectory;
  try {
    directory = new TiffDirectory(bytes);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new Error("cannot be decoded: the picture is cut short", { cause });
  }
  if (directory.has("dngVersion")) throw new Error(RAW_REASON);
  const storage = storageOf(directory);
  const samples = await readSamples(bytes, directory, storage);
  const picture = colouredOf(pictureOf(samples, directory, storage));
  return turnUpright(picture, directory.one("orientation", 1));
}

function storageOf(directory: TiffDirectory): Storage {
  const storage = {
    width: directory.one("width", 0),
    height: directory.one("height", 0),
    bits: directory.one("bitsPerSample", 1),
    samples: directory.one("samplesPerPixel", 1),
    photometric: directory.one("photometric", BLACK_IS_ZERO),
  };
  const { bits, height, photometric, samples, width } = storage;
  const format = directory.one("sampleFormat", 1);
  const least = { [COLOURS]: 3, [INKS]: 4 }[photometric] ?? 1;
  const problem =
    width < 1 || height < 1
      ? "it says that it has no pixels"
      : ![1, 2, 4, 8, 16].includes(bits) || new Set(directory.all("bitsPerSample")).size > 1
        ? `a TIFF of ${directory.all("bitsPerSample").join(", ")} bits a channel`
        : format !== 1 && format !== 4
          ? "a TIFF of numbers with sign or fraction; bring it to 8 bits as it was for training"
          : photometric > INKS || photometric === 4
            ? `a TIFF of colours of kind ${photometric}`
            : samples < least || samples > MOST_SAMPLES
              ? `a TIFF of ${samples} channels`
              : directory.one("fillOrder", 1) !== 1
                ? "a TIFF with its bits in reverse"
                : undefined;
  if (problem !== undefined) throw new Error(`cannot be decoded: ${problem}; save it as PNG`);
  return storage;
}

/** All samples, `[height, width, samples]`, as they are stored. */
async function readSamples(
  bytes: Uint8Array,
  directory: TiffDirectory,
  { bits, height, samples, width }: Storage,
): Promise<Uint8Array | Uint16Array> {
  const isTiled = directory.has("tileWidth");
  const blockWidth = isTiled ? directory.one("tileWidth", 0) : width;
  const blockHeight = isTiled
    ? directory.one("tileHeight", 0)
    : Math.min(height, directory.one("rowsPerStrip", height));
  if (blockWidth < 1 || blockHeight < 1 || (isTiled && blockWidth * blockHeight > MOST_IN_TILE)) {
    throw new Error("cannot be decoded: the picture is damaged");
  }
  if (blockWidth > width + MOST_BEYOND || blockHeight > height + MOST_BEYOND) {
    throw new Error(
      `cannot be decoded: its tiles of ${blockWidth}×${blockHeight} are far larger than its ${width}×${height} pixels; save it anew`,
    );
  }
  const offsets = directory.all(isTiled ? "tileOffsets" : "stripOffsets");
  const lengths = directory.all(isTiled ? "tileBytes" : "stripBytes");
  const compression = directory.one("compression", 1);
  const predictor = directory.one("predictor", 1);
  if (predictor > 2 || (predictor === 2 && bits < 8)) {
    throw new Error(
      "cannot be decoded: a TIFF of predicted values of an unusual kind; save it as PNG",
    );
  }
  // Channel by channel, each has blocks of its own.
  const planes = directory.one("planar", 1) === 2 ? samples : 1;
  const inBlock = samples / planes;
  const [across, down] = [Math.ceil(width / blockWidth), Math.ceil(height / blockHeight)];
  const rowBytes = Math.ceil((blockWidth * inBlock * bits) / 8);
  const all =
    bits === 16
      ? new Uint16Array(width * height * samples)
      : new Uint8Array(width * height * samples);
  for (let block = 0; block < across * down * planes; block++) {
    const plane = Math.floor(block / (across * down));
    const left = (block % across) * blockWidth;
    const top = (Math.floor(block / across) % down) * blockHeight;
    // The last strip has no more rows than are left; of tiles none below the picture is needed.
    const rows = Math.min(blockHeight, height - top);
    const [offset, length] = [
      offsets[block],
      lengths[block] ?? (offsets.length === 1 ? bytes.length : undefined),
    ];
    if (offset === undefined || length === undefined) {
      throw new Error("cannot be decoded: the picture is cut short");
    }
    const packed = bytes.subarray(offset, offset + length);
    const unpacked = await unpack(packed, compression, rows * rowBytes);
    for (let y = 0; y < rows; y++) {
      const row = valuesOf(
        unpacked.subarray(y * rowBytes, (y + 1) * rowBytes),
        bits,
        blockWidth * inBlock,
        directory.isLittle,
      );
      if (predictor === 2)
        for (let i = inBlock; i < row.length; i++) row[i] = row[i]! + row[i - inBlock]!;
      const columns = Math.min(blockWidth, width - left);
      const to = ((top + y) * width + left) * samples;
      if (planes === 1) all.set(row.subarray(0, columns * samples), to);
      else for (let x = 0; x < columns; x++) all[to + x * samples + plane] = row[x]!;
    }
  }
  return all;
}

/** Samples of a row, each taken out of its bits: a copy. */
function valuesOf(
  row: Uint8Array,
  bits: number,
  count: number,
  isLittle: boolean,
): Uint8Array | Uint16Array {
  switch (bits) {
    case 8:
      return row.slice();
    case 16: {
      const view = new DataView(row.buffer, row.byteOffset, row.byteLength);
      return Uint16Array.from({ length: count }, (_, i) => view.getUint16(2 * i, isLittle));
    }
    default:
      return Uint8Array.from({ length: count }, (_, i) => {
        const bit = i * bits;
        return (row[bit >> 3]! >> (8 - bits - (bit & 7))) & (2 ** bits - 1);
      });
  }
}

/** Grey or colours of 8 bits: opacity laid over white. */
function pictureOf(
  values: Uint8Array | Uint16Array,
  directory: TiffDirectory,
  { bits, height, photometric, samples, width }: Storage,
): Picture {
  const most = 2 ** bits - 1;
  const colours = photometric === COLOURS ? 3 : photometric === INKS ? 4 : 1;
  const extra = samples > colours ? (directory.all("extraSamples")[0] ?? 0) : 0;
  const palette = directory.all("palette");
  if (photometric === PALETTE && palette.length < 3 * (most + 1)) {
    throw new Error("cannot be decoded: its palette is cut short");
  }
  const channels = photometric <= BLACK_IS_ZERO ? 1 : 3;
  const data = new Uint8Array(width * height * channels);
  const at8 = (value: number): number => Math.round((255 * value) / most);
  for (let from = 0, to = 0; from < values.length; from += samples) {
    const cover = extra === MULTIPLIED || extra === OPACITY ? values[from + colours]! / most : 1;
    for (let c = 0; c < channels; c++) {
      const value =
        photometric === PALETTE
          ? palette[c * (most + 1) + values[from]!]! >> 8
          : photometric === INKS
            ? Math.round(((255 - at8(values[from + c]!)) * (255 - at8(values[from + 3]!))) / 255)
            : photometric === WHITE_IS_ZERO
              ? at8(most - values[from]!)
              : at8(values[from + c]!);
      data[to++] = Math.round(value * (extra === MULTIPLIED ? 1 : cover) + 255 * (1 - cover));
    }
  }
  return { width, height, channels, data };
}
