import {
  type FindOptions,
  readExactly,
  type FoundImage,
  type ImageSource,
} from "../found-image.ts";
import { arrayImages, type StoredArray } from "./array-images.ts";
import type { NumberType } from "./number-types.ts";

/** Types of numbers by their code (MNIST's page: THE IDX FILE FORMAT); the highest byte comes first. */
const TYPES: Readonly<Record<number, NumberType>> = {
  0x08: { kind: "u", width: 1, isLittle: false },
  0x09: { kind: "i", width: 1, isLittle: false },
  0x0b: { kind: "i", width: 2, isLittle: false },
  0x0c: { kind: "i", width: 4, isLittle: false },
  0x0d: { kind: "f", width: 4, isLittle: false },
  0x0e: { kind: "f", width: 8, isLittle: false },
};

/** The pictures of a file as MNIST's are. */
export function idxImages(source: ImageSource, options: FindOptions): AsyncGenerator<FoundImage> {
  return arrayImages(source, openIdx, options);
}

/** Whether a file that begins so is as long as it says. */
export function isIdxFile(head: Uint8Array, size: number): boolean {
  const array = arrayOf(head);
  return array !== undefined && size === array.start + array.type.width * product(array.shape);
}

async function openIdx(source: ImageSource): Promise<StoredArray | string> {
  return (
    arrayOf(await readExactly(source, 0, Math.min(20, source.size))) ??
    "its header is not one of MNIST's"
  );
}

function arrayOf(head: Uint8Array): StoredArray | undefined {
  const type = TYPES[head[2]!];
  const dimensions = head[3]!;
  const start = 4 + 4 * dimensions;
  if (type === undefined || head.length < start) return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const shape = Array.from({ length: dimensions }, (_, axis) => view.getUint32(4 + 4 * axis));
  return { type, shape, start };
}

function product(shape: readonly number[]): number {
  return shape.reduce((all, length) => all * length, 1);
}
