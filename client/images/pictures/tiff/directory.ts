import type { PictureHead } from "../../picture.ts";

/** Tags of an image file directory that say how its picture is stored (TIFF 6.0, part 2). */
const TAGS = {
  width: 256,
  height: 257,
  bitsPerSample: 258,
  compression: 259,
  photometric: 262,
  fillOrder: 266,
  stripOffsets: 273,
  orientation: 274,
  samplesPerPixel: 277,
  rowsPerStrip: 278,
  stripBytes: 279,
  planar: 284,
  predictor: 317,
  palette: 320,
  tileWidth: 322,
  tileHeight: 323,
  tileOffsets: 324,
  tileBytes: 325,
  extraSamples: 338,
  sampleFormat: 339,
  dngVersion: 50706,
} as const;

type Field = keyof typeof TAGS;

/** Bytes of a value by its type: of those that tags above may have. */
const TYPE_BYTES: Readonly<Record<number, 1 | 2 | 4>> = { 1: 1, 3: 2, 4: 4 };

/** Most values that all tags may have together: strips of a picture, or colours. */
const MOST_VALUES = 2 ** 20;

/** The first directory of a TIFF. */
export class TiffDirectory {
  readonly view: DataView;
  readonly isLittle: boolean;
  readonly #fields = new Map<number, readonly number[]>();
  #count = 0;

  /**
   * @throws RangeError when it points outside of the file; Error that says which tag comes twice.
   */
  constructor(bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.isLittle = this.view.getUint16(0) === 0x4949;
    const at = this.#uint32(4);
    const entries = this.#uint16(at);
    const known = new Set<number>(Object.values(TAGS));
    for (let entry = 0; entry < entries; entry++) {
      const place = at + 2 + 12 * entry;
      const tag = this.#uint16(place);
      if (!known.has(tag)) continue;
      // Readers take the first or the last.
      if (this.#fields.has(tag)) {
        throw new Error(
          `cannot be decoded: its tag ${tag} comes twice, and which one counts is not said; save it anew`,
        );
      }
      this.#fields.set(tag, this.#values(place));
    }
  }

  #uint16(at: number): number {
    return this.view.getUint16(at, this.isLittle);
  }

  #uint32(at: number): number {
    return this.view.getUint32(at, this.isLittle);
  }

  #values(place: number): readonly number[] {
    const width = TYPE_BYTES[this.#uint16(place + 2)];
    const count = this.#uint32(place + 4);
    if (width === undefined) return [];
    this.#count += count;
    if (this.#count > MOST_VALUES) throw new RangeError(`tags of ${this.#count} values`);
    const start = width * count <= 4 ? place + 8 : this.#uint32(place + 8);
    return Array.from({ length: count }, (_, index) => {
      const at = start + width * index;
      return width === 1
        ? this.view.getUint8(at)
        : width === 2
          ? this.#uint16(at)
          : this.#uint32(at);
    });
  }

  has(field: Field): boolean {
    return this.#fields.has(TAGS[field]);
  }

  /** All values of a field, none where it is missing. */
  all(field: Field): readonly number[] {
    return this.#fields.get(TAGS[field]) ?? [];
  }

  /** The first value of a field. */
  one(field: Field, otherwise: number): number {
    return this.all(field)[0] ?? otherwise;
  }
}

/**
 * Size and depth of a TIFF's first picture.
 *
 * @throws RangeError when it points outside of the file; Error that says which tag comes twice.
 */
export function tiffHead(bytes: Uint8Array): PictureHead {
  const directory = new TiffDirectory(bytes);
  return {
    width: directory.one("width", 0),
    height: directory.one("height", 0),
    bits: directory.one("bitsPerSample", 1),
  };
}
