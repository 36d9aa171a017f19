import { float16ToNumber } from "../../../protocol/half-precision.ts";

/** How the numbers of an array are stored: `u` without sign, `i` with, `f` with a fraction, `b` true or false. */
export interface NumberType {
  readonly kind: "b" | "u" | "i" | "f";
  /** Bytes of each. */
  readonly width: 1 | 2 | 4 | 8;
  readonly isLittle: boolean;
}

type ReadNumber = (view: DataView, at: number, isLittle: boolean) => number;

const READERS: Readonly<Record<string, ReadNumber>> = {
  b1: (view, at) => view.getUint8(at),
  u1: (view, at) => view.getUint8(at),
  u2: (view, at, isLittle) => view.getUint16(at, isLittle),
  u4: (view, at, isLittle) => view.getUint32(at, isLittle),
  u8: (view, at, isLittle) => Number(view.getBigUint64(at, isLittle)),
  i1: (view, at) => view.getInt8(at),
  i2: (view, at, isLittle) => view.getInt16(at, isLittle),
  i4: (view, at, isLittle) => view.getInt32(at, isLittle),
  i8: (view, at, isLittle) => Number(view.getBigInt64(at, isLittle)),
  f2: (view, at, isLittle) => float16ToNumber(view.getUint16(at, isLittle)),
  f4: (view, at, isLittle) => view.getFloat32(at, isLittle),
  f8: (view, at, isLittle) => view.getFloat64(at, isLittle),
};

/** Whether numbers are ever stored so. */
export function isNumberType(type: {
  readonly kind: string | undefined;
  readonly width: number;
  readonly isLittle: boolean;
}): type is NumberType {
  return `${type.kind}${type.width}` in READERS;
}

/** Reads one number at a byte. */
export function numberReader({
  isLittle,
  kind,
  width,
}: NumberType): (view: DataView, at: number) => number {
  const read = READERS[`${kind}${width}`];
  if (read === undefined) throw new RangeError(`numbers of ${width} bytes of kind ${kind}`);
  return (view, at) => read(view, at, isLittle);
}
