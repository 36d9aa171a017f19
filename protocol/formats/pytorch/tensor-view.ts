import { sizeOf } from "../../model/graph.ts";
import { ProtocolError } from "../../errors.ts";
import type { StoredTensor } from "./tensor-records.ts";

/**
 * Most bytes that a tensor may lie across whose values do not follow each other in the file as in its
 * shape, or a row of its first axis, where only those within a row do not: they are read together.
 */
const MOST_SCATTERED_BYTES = 32 * 2 ** 20;

/** Rows further apart than this are read one by one. */
const MOST_GAP_VALUES = 2 ** 12;

interface Axis {
  readonly extent: number;
  readonly stride: number;
}

/**
 * How a tensor's values, row-major in its shape, lie in its storage. Indices count values of its type.
 */
export class TensorView {
  readonly size: number;
  readonly #offset: number;
  /** Without those of one index, whose strides say nothing. */
  readonly #axes: readonly Axis[];
  /** Whether value i lies at offset + i. */
  readonly isInOrder: boolean;
  /** Values of one index of the first axis, and how far they reach; all of them where rows interlace. */
  readonly #row: number;
  readonly #rowSpan: number;
  readonly #rowStride: number;

  /**
   * @param name for messages
   * @throws ProtocolError `unsupported-model` for a tensor in which values share a place, or lie too far
   *   apart.
   */
  constructor({ dtype, offset, shape, strides }: StoredTensor, name: string) {
    const axes = shape.map((extent, axis) => ({ extent, stride: strides[axis]! }));
    this.size = sizeOf(shape);
    this.#offset = offset;
    this.#axes = axes.filter(({ extent }) => extent !== 1);
    this.isInOrder = this.size === 0 || isRowMajor(this.#axes);
    const [first, ...inner] = this.#axes;
    const rowSpan = spanOf(inner);
    const apart = first === undefined || this.isInOrder || first.stride >= rowSpan;
    this.#row = apart ? this.size / Math.max(1, first?.extent ?? 1) : this.size;
    this.#rowStride = apart ? (first?.stride ?? 1) : 0;
    this.#rowSpan = apart ? rowSpan : spanOf(this.#axes);
    if (this.isInOrder) return;
    if (overlapsItself(this.#axes)) {
      throw new ProtocolError(
        "unsupported-model",
        `tensor '${name}' has one stored value in several places (strides ${strides.join(", ")} for the shape ${shape.join(", ")}): save it as a copy, with .clone().contiguous()`,
      );
    }
    if (this.#rowSpan * dtype.bytes > MOST_SCATTERED_BYTES) {
      throw new ProtocolError(
        "unsupported-model",
        `tensor '${name}' lies in the file with its axes in another order (strides ${strides.join(", ")} for the shape ${shape.join(", ")}), which is read up to ${MOST_SCATTERED_BYTES / 2 ** 20} MiB: save it with .contiguous()`,
      );
    }
  }

  /** Indices in the storage, from and to, between which values [first, first + length) lie. */
  spanOf(first: number, length: number): readonly [begin: number, end: number] {
    if (length === 0) return [this.#offset, this.#offset];
    if (this.isInOrder) return [this.#offset + first, this.#offset + first + length];
    const from = Math.floor(first / this.#row);
    const last = Math.floor((first + length - 1) / this.#row);
    return [
      this.#offset + from * this.#rowStride,
      this.#offset + last * this.#rowStride + this.#rowSpan,
    ];
  }

  /**
   * Values [first, first + length) in runs of whole rows that are best read together: as many as lie
   * within `most` of the storage's values, but one where rows are far apart or longer.
   */
  *runsOf(
    first: number,
    length: number,
    most: number,
  ): Generator<readonly [first: number, length: number]> {
    if (this.#rowStride === 0) {
      yield [first, length];
      return;
    }
    const isApart = this.#rowStride - this.#rowSpan > MOST_GAP_VALUES;
    const rows = isApart ? 1 : Math.max(1, Math.floor((most - this.#rowSpan) / this.#rowStride));
    for (let at = first; at < first + length;) {
      const next = Math.min(first + length, (Math.floor(at / this.#row) + rows) * this.#row);
      yield [at, next - at];
      at = next;
    }
  }

  /** Values, from and to, of which some may lie between two indices in the storage. */
  valuesWithin(begin: number, end: number): readonly [first: number, last: number] {
    const within = (index: number) => Math.max(0, Math.min(this.size, index));
    if (this.size === 0) return [0, 0];
    if (this.isInOrder) return [within(begin - this.#offset), within(end - this.#offset)];
    if (this.#rowStride === 0) {
      const [from, to] = this.spanOf(0, this.size);
      return begin < to && end > from ? [0, this.size] : [0, 0];
    }
    const from = Math.floor((begin - this.#offset - this.#rowSpan) / this.#rowStride) + 1;
    const to = Math.ceil((end - this.#offset) / this.#rowStride);
    return [within(from * this.#row), Math.max(within(from * this.#row), within(to * this.#row))];
  }

  /** Where in the storage each of values [first, first + length) lies, in order. */
  places(first: number, length: number): Float64Array {
    const axes = this.#axes.toReversed();
    const index: number[] = [];
    let rest = first;
    let place = this.#offset;
    for (const { extent, stride } of axes) {
      index.push(rest % extent);
      place += (rest % extent) * stride;
      rest = Math.floor(rest / extent);
    }
    const places = new Float64Array(length);
    for (let done = 0; done < length; done++) {
      places[done] = place;
      for (let axis = 0; axis < axes.length; axis++) {
        const { extent, stride } = axes[axis]!;
        index[axis]!++;
        place += stride;
        if (index[axis]! < extent) break;
        index[axis] = 0;
        place -= extent * stride;
      }
    }
    return places;
  }
}

/** From the first value to behind the last. */
function spanOf(axes: readonly Axis[]): number {
  return axes.reduce((span, { extent, stride }) => span + (extent - 1) * stride, 1);
}

function isRowMajor(axes: readonly Axis[]): boolean {
  let stride = 1;
  for (const axis of axes.toReversed()) {
    if (axis.stride !== stride) return false;
    stride *= axis.extent;
  }
  return true;
}

/** Whether two indices may name one place: not where each axis steps over all that those below span. */
function overlapsItself(axes: readonly Axis[]): boolean {
  let span = 1;
  for (const { extent, stride } of [...axes].sort((a, b) => a.stride - b.stride)) {
    if (stride < span) return true;
    span += (extent - 1) * stride;
  }
  return false;
}
