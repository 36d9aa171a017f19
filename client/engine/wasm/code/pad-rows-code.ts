import type { FunctionWriter, Local } from "./assembler.ts";
import { activate, type ImagePadding, margins } from "./pad-images-code.ts";
import { FLOAT_BYTES, LANES, tileRuns, VECTOR_BYTES } from "./register-tile.ts";

/** Positions that are worked on together: they share scale and shift. */
const POSITIONS = 4;

/** Rows of all channels of an image, padded. */
export type RowPadding = Omit<ImagePadding, "taken">;

/**
 * Writes a `RowPadding` into the thread's scratch. Arguments: scratch, where in it the target begins,
 * first row of the source, coefficients (shift lies `channels` after scale).
 *
 * Rows are copied whole where they can be, and normalised where they are then: the machine copies
 * several times as fast as vectors of four are loaded from memory that no cache holds.
 */
export function writeRowPadding(writer: FunctionWriter, shape: RowPadding): void {
  const [scratch, target, source, coefficients] = writer.parameters as Parameters4;
  const { channels, width, reader } = shape;
  const rows = margins(shape.height, shape.top, shape.paddedHeight);
  const columns = margins(width, shape.left, shape.paddedWidth);
  const positionBytes = channels * FLOAT_BYTES;
  const targetBytes = shape.pitch * FLOAT_BYTES;
  const rowBytes = shape.paddedWidth * targetBytes;
  const copies = shape.pitch === channels;
  const plain = copies && reader === "plain";
  const interior = plain ? undefined : new PositionsWriter(writer, shape, coefficients);
  const row = writer.integer();
  const place = writer.integer();
  const pixels = columns.count > 0;

  writer.addInteger(target, scratch);
  writer.clear(target, 0, rows.before * rowBytes).advance(target, rows.before * rowBytes);
  if (rows.count > 0) {
    writer.offset(row, source, (rows.first * width + columns.first) * positionBytes);
    writer.repeat(rows.count, () => {
      const start = columns.before * targetBytes;
      writer.clear(target, 0, start);
      if (pixels && copies) writer.copy(target, start, row, columns.count * targetBytes);
      if (pixels && interior) {
        writer.offset(place, target, start);
        interior.write(copies ? place : row, positionBytes, place, columns.count);
      }
      writer.clear(target, start + columns.count * targetBytes, columns.after * targetBytes);
      writer.advance(target, rowBytes).advance(row, width * positionBytes);
    });
  }
  writer.clear(target, 0, rows.after * rowBytes);
}

/** Code for the positions of a row that are in the image. */
class PositionsWriter {
  readonly #writer: FunctionWriter;
  readonly #shape: RowPadding;
  readonly #coefficients: Local;
  readonly #pointers: readonly Local[];
  readonly #vectors: readonly Local[];

  constructor(writer: FunctionWriter, shape: RowPadding, coefficients: Local) {
    this.#writer = writer;
    this.#shape = shape;
    this.#coefficients = coefficients;
    this.#pointers = Array.from({ length: 5 }, () => writer.integer());
    this.#vectors = Array.from({ length: 3 }, () => writer.vector());
  }

  /** @param sourcePitch bytes from one position to the next */
  write(source: Local, sourcePitch: number, target: Local, count: number): void {
    const writer = this.#writer;
    const { channels, pitch } = this.#shape;
    const [position, place, ...rest] = this.#pointers as Parameters5;
    const [from, to, coefficient] = rest;
    const vectors = Math.floor(channels / LANES);
    const left = channels % LANES;
    writer.offset(position, source, 0).offset(place, target, 0);
    for (const { height: length, count: tiles } of tileRuns(count, POSITIONS)) {
      writer.repeat(tiles, () => {
        writer.offset(from, position, 0).offset(to, place, 0);
        writer.offset(coefficient, this.#coefficients, 0);
        if (vectors > 0) {
          writer.repeat(vectors, () => {
            this.#vector(length, sourcePitch, LANES);
            for (const pointer of rest) writer.advance(pointer, VECTOR_BYTES);
          });
        }
        if (left > 0) this.#vector(length, sourcePitch, left);
        writer.advance(position, length * sourcePitch);
        writer.advance(place, length * pitch * FLOAT_BYTES);
      });
    }
  }

  /** One vector of channels of some positions. */
  #vector(length: number, sourcePitch: number, lanes: number): void {
    const writer = this.#writer;
    const { channels, pitch, reader } = this.#shape;
    const [, , from, to, coefficient] = this.#pointers as Parameters5;
    const [scale, shift, value] = this.#vectors as [Local, Local, Local];
    if (reader !== "plain") {
      writer.loadVector(coefficient, 0).set(scale);
      writer.loadVector(coefficient, channels * FLOAT_BYTES).set(shift);
    }
    for (let i = 0; i < length; i++) {
      const load = (): void => void writer.loadVector(from, i * sourcePitch);
      if (reader === "plain") load();
      else {
        writer.multiplyAddTo(
          load,
          () => writer.get(scale),
          () => writer.get(shift),
        );
        activate(writer, reader.activation);
      }
      writer.set(value).storeLanes(to, i * pitch * FLOAT_BYTES, value, lanes);
    }
  }
}

type Parameters4 = [Local, Local, Local, Local];
type Parameters5 = [...Parameters4, Local];
