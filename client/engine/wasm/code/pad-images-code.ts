import type { Activation } from "../../../../protocol/model/graph.ts";
import { rulesOf } from "../../program/activations.ts";
import type { FunctionWriter, Local } from "./assembler.ts";
import { FLOAT_BYTES, LANES, VECTOR_BYTES } from "./register-tile.ts";

/** How a value is read: as it is, or f(x·scale + shift) per channel, f an activation or none. */
export type Reader = "plain" | { readonly activation: Activation | undefined };

/** Makes of x·scale + shift, on the stack, what a reader reads. */
export function activate(writer: FunctionWriter, activation: Activation | undefined): void {
  if (activation) rulesOf(activation).wasm.value(writer);
}

/** Vectors of channels that are worked on at once, their scale and shift in registers. */
const BLOCK = 3;

/** Images with zeros around them (or, with negative margins, less than the image). */
export interface ImagePadding {
  readonly height: number;
  readonly width: number;
  /** Channels of the source, and how many of them are taken. */
  readonly channels: number;
  readonly taken: number;
  /** Floats from one position to the next in scratch; what lies beyond `taken` is not written. */
  readonly pitch: number;
  /** Rows and columns of zeros before the image. */
  readonly top: number;
  readonly left: number;
  readonly paddedHeight: number;
  readonly paddedWidth: number;
  readonly reader: Reader;
}

/** An interval of source rows or columns with zeros on both sides. */
interface Margins {
  readonly before: number;
  readonly first: number;
  readonly count: number;
  readonly after: number;
}

export function margins(size: number, before: number, padded: number): Margins {
  const start = Math.min(padded, Math.max(0, before));
  const first = Math.max(0, -before);
  const count = Math.max(0, Math.min(size - first, padded - start));
  return { before: start, first, count, after: padded - start - count };
}

/**
 * Writes an `ImagePadding` into the thread's scratch. Arguments: scratch, first channel taken of
 * the first image, target (from the scratch's beginning), coefficients of that channel (shift lies
 * `channels` after scale), number of images.
 */
export function writeImagePadding(writer: FunctionWriter, shape: ImagePadding): void {
  const [scratch, source, offset, coefficients, images] = writer.parameters as Parameters5;
  const { height, width, channels, taken, reader } = shape;
  const rows = margins(height, shape.top, shape.paddedHeight);
  const columns = margins(width, shape.left, shape.paddedWidth);
  const positionBytes = channels * FLOAT_BYTES;
  const targetBytes = shape.pitch * FLOAT_BYTES;
  const rowBytes = shape.paddedWidth * targetBytes;
  const target = writer.integer();
  const row = writer.integer();

  const interior = (): void => {
    if (reader === "plain" && taken === channels && shape.pitch === taken) {
      writer.copy(target, columns.before * targetBytes, row, columns.count * targetBytes);
      return;
    }
    const vectors = Math.ceil(taken / LANES);
    for (let first = 0; first < vectors; first += BLOCK) {
      const block = Math.min(BLOCK, vectors - first);
      positions(first, block, taken - (first + block - 1) * LANES);
    }
  };

  const scales = Array.from({ length: BLOCK }, () => writer.vector());
  const shifts = Array.from({ length: BLOCK }, () => writer.vector());
  const value = writer.vector();
  const from = writer.integer();
  const to = writer.integer();

  /** One block of channels along a row. */
  const positions = (first: number, block: number, columnsOfLast: number): void => {
    const at = first * VECTOR_BYTES;
    if (reader !== "plain") {
      for (let v = 0; v < block; v++) {
        writer.loadVector(coefficients, at + v * VECTOR_BYTES).set(scales[v]!);
        writer.loadVector(coefficients, positionBytes + at + v * VECTOR_BYTES).set(shifts[v]!);
      }
    }
    writer.offset(from, row, at).offset(to, target, columns.before * targetBytes + at);
    const unrolled = columns.count % 2 === 0 ? 2 : 1;
    writer.repeat(columns.count / unrolled, () => {
      for (let position = 0; position < unrolled; position++) {
        for (let v = 0; v < block; v++) {
          const load = (): void => {
            writer.loadVector(from, position * positionBytes + v * VECTOR_BYTES);
          };
          if (reader === "plain") load();
          else {
            writer.multiplyAddTo(
              load,
              () => writer.get(scales[v]!),
              () => writer.get(shifts[v]!),
            );
            activate(writer, reader.activation);
          }
          writer.set(value);
          const lanes = v === block - 1 ? Math.min(LANES, columnsOfLast) : LANES;
          writer.storeLanes(to, position * targetBytes + v * VECTOR_BYTES, value, lanes);
        }
      }
      writer.advance(from, unrolled * positionBytes).advance(to, unrolled * targetBytes);
    });
  };

  writer.offset(target, offset, 0).addInteger(target, scratch);
  writer.repeatVariable(images, () => {
    writer.clear(target, 0, rows.before * rowBytes).advance(target, rows.before * rowBytes);
    if (rows.count > 0) {
      writer.offset(row, source, (rows.first * width + columns.first) * positionBytes);
      writer.repeat(rows.count, () => {
        writer.clear(target, 0, columns.before * targetBytes);
        if (columns.count > 0) interior();
        const end = (columns.before + columns.count) * targetBytes;
        writer.clear(target, end, columns.after * targetBytes);
        writer.advance(target, rowBytes).advance(row, width * positionBytes);
      });
    }
    writer.clear(target, 0, rows.after * rowBytes).advance(target, rows.after * rowBytes);
    writer.advance(source, height * width * positionBytes);
  });
}

type Parameters5 = [Local, Local, Local, Local, Local];
