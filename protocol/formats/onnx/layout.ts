/**
 * How a value of the file lies in the one that Scour computes. ONNX's networks move axes about: they
 * flatten, transpose, split channels into heads. Scour's values are channels-last and stay so; what the
 * file does to axes is followed here as symbols, and costs nothing.
 */

/**
 * A run of one axis of a value: `size` steps of `stride` along it. Positions of a map are one axis, row by
 * row: rows are steps of its width.
 */
export interface Atom {
  readonly axis: "batch" | "position" | "channel";
  /** At least 2: what has one step is left out. */
  readonly size: number;
  readonly stride: number;
}

/** A dimension of the file's value: the runs that it counts through, the last one fastest. */
export type Dim = readonly Atom[];

/** A value of the file, dimension by dimension. */
export type Layout = readonly Dim[];

/** A dimension of one whole axis. */
export function whole(axis: Atom["axis"], size: number, stride = 1): Dim {
  return size === 1 ? [] : [{ axis, size, stride }];
}

function sizeOfDim(dim: Dim): number {
  return dim.reduce((product, { size }) => product * size, 1);
}

/** The shape that the file's value has. */
export function dimsOf(layout: Layout): number[] {
  return layout.map(sizeOfDim);
}

/** Whether two dimensions count through the same. */
export function isSameDim(one: Dim, other: Dim): boolean {
  return (
    one.length === other.length &&
    one.every(({ axis, size, stride }, i) => {
      const atom = other[i]!;
      return axis === atom.axis && size === atom.size && stride === atom.stride;
    })
  );
}

export function isSameLayout(one: Layout, other: Layout): boolean {
  return one.length === other.length && one.every((dim, i) => isSameDim(dim, other[i]!));
}

/** Whether a dimension is one axis from end to end. */
export function isWhole(dim: Dim | undefined, axis: Atom["axis"], size: number): boolean {
  return dim !== undefined && isSameDim(dim, whole(axis, size));
}

/** Joins runs that follow each other along an axis. */
export function joined(atoms: Dim): Dim {
  const result: Atom[] = [];
  for (const atom of atoms) {
    const last = result.at(-1);
    if (last?.axis === atom.axis && last.stride === atom.size * atom.stride) {
      result[result.length - 1] = { ...atom, size: last.size * atom.size };
    } else result.push(atom);
  }
  return result;
}

/** The layout without some of its runs, or with only some. */
export function withAtoms(layout: Layout, keeps: (atom: Atom) => boolean): Layout {
  return layout.map((dim) => dim.filter(keeps));
}

/**
 * The same values in another shape, as ONNX's Reshape has it; undefined where a dimension of the new shape
 * would begin or end within a run that has no divisor there.
 */
export function reshaped(layout: Layout, sizes: readonly number[]): Layout | undefined {
  const left = layout.flat();
  let next = 0;
  const result: Dim[] = [];
  for (const size of sizes) {
    const dim: Atom[] = [];
    let rest = size;
    while (rest > 1) {
      const atom = left[next];
      if (atom === undefined) return undefined;
      if (rest % atom.size === 0) {
        dim.push(atom);
        rest /= atom.size;
        next++;
      } else if (atom.size % rest === 0) {
        const inner = atom.size / rest;
        dim.push({ ...atom, size: rest, stride: atom.stride * inner });
        left[next] = { ...atom, size: inner };
        rest = 1;
      } else return undefined;
    }
    result.push(joined(dim));
  }
  return next === left.length ? result : undefined;
}

/**
 * The shape that ONNX's Reshape asks for, without its 0 (as it was) and −1 (what is left).
 *
 * @returns undefined where it does not fit
 */
export function askedShape(
  dims: readonly number[],
  asked: readonly number[],
  allowsZero: boolean,
): number[] | undefined {
  const sizes = asked.map((size, i) => (size === 0 && !allowsZero ? (dims[i] ?? 0) : size));
  const total = dims.reduce((product, size) => product * size, 1);
  const known = sizes.reduce((product, size) => (size === -1 ? product : product * size), 1);
  const open = sizes.filter((size) => size === -1).length;
  if (open > 1 || sizes.some((size) => size < -1 || !Number.isSafeInteger(size))) return undefined;
  if (open === 0) return known === total ? sizes : undefined;
  if (known === 0 || total % known !== 0) return undefined;
  return sizes.map((size) => (size === -1 ? total / known : size));
}
