import { concatBytes } from "@noble/hashes/utils.js";

/** Pickles by hand: each function gives the operations that leave its value on the stack. */
type Piece = Uint8Array;

const latin = (chars: string): Piece => Uint8Array.from(chars, (char) => char.charCodeAt(0));

function u32(value: number): Piece {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

export const operations = (codes: string, ...pieces: readonly Piece[]): Piece =>
  concatBytes(latin(codes), ...pieces);

/** A whole pickle of protocol 2. */
export const pickle = (...pieces: readonly Piece[]): Piece =>
  concatBytes(latin("\u0080\u0002"), ...pieces, latin("."));

export function text(value: string): Piece {
  const bytes = new TextEncoder().encode(value);
  return operations("X", u32(bytes.length), bytes);
}

export const number = (value: number): Piece => operations("J", u32(value));

export const global = (module: string, name: string): Piece => latin(`c${module}\n${name}\n`);

export const tuple = (...items: readonly Piece[]): Piece =>
  concatBytes(latin("("), ...items, latin("t"));

export const dict = (entries: readonly (readonly [key: string, value: Piece])[]): Piece =>
  concatBytes(latin("}("), ...entries.flatMap(([key, value]) => [text(key), value]), latin("u"));

export const call = (callee: Piece, ...args: readonly Piece[]): Piece =>
  concatBytes(callee, tuple(...args), latin("R"));

/** A float32 tensor in order that begins at `offset` of its storage. */
export function tensor(
  key: string,
  shape: readonly number[],
  {
    offset = 0,
    strides,
    stored,
  }: { offset?: number; strides?: readonly number[]; stored?: number } = {},
): Piece {
  const size = shape.reduce((product, extent) => product * extent, 1);
  const inOrder = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const storage = [
    text("storage"),
    global("torch", "FloatStorage"),
    text(key),
    text("cpu"),
    number(stored ?? size),
  ];
  return call(
    global("torch._utils", "_rebuild_tensor_v2"),
    operations("", tuple(...storage), latin("Q")),
    number(offset),
    tuple(...shape.map(number)),
    tuple(...(strides ?? inOrder).map(number)),
    latin("\u0089"),
    latin("N"),
  );
}
