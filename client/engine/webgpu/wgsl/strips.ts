import { tapsOf, type AxisWalk } from "../../program/kernels/window-taps.ts";
import { applyAffine, loadQuad, type ChannelRun, type ShaderReading } from "./channels.ts";
import type { Cooperation } from "./cooperation.ts";

/** Neighbouring results of a row, which an invocation works on together. */
export interface Strips {
  readonly length: number;
  /** Of results. */
  readonly rows: number;
  readonly width: number;
  readonly across: number;
  readonly ofImage: number;
}

const LENGTH = 4;

/** @param period results after which what they read repeats: strips are of whole ones. */
export function stripsOf(rows: number, width: number, period: number): Strips {
  const length = period * Math.max(1, Math.floor(LENGTH / period));
  const across = Math.ceil(width / length);
  return { length, rows, width, across, ofImage: rows * across };
}

/** Strips in the place of rows: as many results to an invocation. */
export function withStrips(cooperation: Cooperation, { length }: Strips): Cooperation {
  return { ...cooperation, rowsEach: Math.max(1, Math.floor(cooperation.rowsEach / length)) };
}

/** Statements: `image`, `row` and `across`, the first result, of a strip of all images. */
export function declarePlace({ length, across, ofImage }: Strips, strip: string): string {
  return `let image = ${strip} / ${ofImage}u;
let row = ${strip} % ${ofImage}u / ${across}u;
let across = ${strip} % ${across}u * ${length}u;`;
}

/** What a strip reads of a row. */
interface StripReading {
  readonly source: ShaderReading;
  readonly run: ChannelRun;
  /** An expression, i32: the row's first position. */
  readonly line: string;
  /** A statement with `value`, which a result of the strip reads through a tap. */
  readonly each: (result: number, tap: number) => string;
}

/**
 * Statements for all products of a row: every value is loaded once, 0 beside the row. `start` (i32) is
 * where the strip's run begins to read.
 */
export function eachProduct(walk: AxisWalk, length: number, reading: StripReading): string {
  const { source, run, line, each } = reading;
  const readers = new Map<number, string[]>();
  tapsOf(walk, length).forEach((taps, result) => {
    for (const { from, tap } of taps) {
      readers.set(from, [...(readers.get(from) ?? []), each(result, tap)]);
    }
  });
  return [...readers]
    .toSorted(([a], [b]) => a - b)
    .map(([from, products]) => {
      const stored = loadQuad(source.values, run, `u32(${line} + x)`, "quad");
      return `{ let x = start + ${from};
let value = select(vec4f(), ${applyAffine("source", source, stored)}, x >= 0 && x < ${walk.source});
${products.join(" ")} }`;
    })
    .join("\n");
}
