import { I32, type FunctionWriter } from "./assembler.ts";
import { unsigned } from "./leb128.ts";

const MAGIC_AND_VERSION = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

function section(id: number, content: readonly number[]): number[] {
  return [id, ...unsigned(content.length), ...content];
}

function name(text: string): number[] {
  return [...unsigned(text.length), ...Array.from(text, (letter) => letter.charCodeAt(0))];
}

/** Pages that 32-bit addresses reach: the largest memory there is. */
export const MAXIMUM_PAGES = 65536;

/**
 * A module of one exported function `run` over the imported memory `env.memory`.
 *
 * @param shared whether threads share that memory.
 */
export function moduleOf(writer: FunctionWriter, shared = false): Uint8Array<ArrayBuffer> {
  const count = writer.parameters.length;
  const parameters = Array<number>(count).fill(I32);
  return Uint8Array.from([
    ...MAGIC_AND_VERSION,
    ...section(1, [1, 0x60, ...unsigned(count), ...parameters, 0]),
    // A memory of any size: at least 0 pages; a shared one must state its maximum.
    ...section(2, [
      1,
      ...name("env"),
      ...name("memory"),
      0x02,
      ...(shared ? [0x03, 0x00, ...unsigned(MAXIMUM_PAGES)] : [0x00, 0x00]),
    ]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...name("run"), 0x00, 0]),
    ...section(10, [1, ...writer.bytes()]),
  ]);
}
