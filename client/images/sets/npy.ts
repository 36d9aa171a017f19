import {
  type FindOptions,
  readExactly,
  type FoundImage,
  type ImageSource,
} from "../found-image.ts";
import { latin1 } from "../signs.ts";
import { arrayImages, type StoredArray } from "./array-images.ts";
import { isNumberType, type NumberType } from "./number-types.ts";

/** Longest header that is read: one is some 120 bytes. */
const HEADER_LIMIT = 2 ** 16;

/** The pictures of a NumPy array (NEP 1, the .npy format), which is read and never run. */
export function npyImages(source: ImageSource, options: FindOptions): AsyncGenerator<FoundImage> {
  return arrayImages(source, openNpy, options);
}

async function openNpy(source: ImageSource): Promise<StoredArray | string> {
  const start = await readExactly(source, 0, 12);
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const isShort = view.getUint8(6) === 1;
  const length = isShort ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > HEADER_LIMIT) return "its header is not one of a NumPy array";
  const headerStart = isShort ? 10 : 12;
  const header = latin1(await readExactly(source, headerStart, length));
  const type = /'descr': *'([^']*)'/.exec(header)?.[1];
  const shape = /'shape': *\(([\d, ]*)\)/.exec(header)?.[1];
  if (type === undefined || shape === undefined)
    return "its header is not one of a plain NumPy array";
  if (type.includes("O")) return "an array of Python objects, which are not read: save it as uint8";
  const numbers = numberType(type);
  if (numbers === undefined) return `an array of type ${type}, which is not read: save it as uint8`;
  if (/'fortran_order': *True/.test(header)) {
    return "an array in Fortran's order: save numpy.ascontiguousarray of it";
  }
  const lengths = shape
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map(Number);
  return { type: numbers, shape: lengths, start: headerStart + length };
}

/** Of a dtype as NumPy writes it: `<f4`. */
function numberType(described: string): NumberType | undefined {
  const [, order, kind, width] = /^([<>|=])([buif])([1248])$/.exec(described) ?? [];
  if (order === undefined) return undefined;
  const type = { kind, width: Number(width), isLittle: order !== ">" };
  return isNumberType(type) ? type : undefined;
}
