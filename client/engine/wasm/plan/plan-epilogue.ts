import type { Activation } from "../../../../protocol/model/graph.ts";
import type { Affine, PartialSums, Reading } from "../../program/operands.ts";
import type { ActivatedValue } from "../../program/kernels/gradient-epilogue.ts";
import type { Reader } from "../code/pad-images-code.ts";
import { FLOAT_BYTES } from "../code/register-tile.ts";
import {
  ROW_PASS_PARAMETERS,
  rowPassArguments,
  writeRowPass,
  type RowPass,
} from "../code/row-pass-code.ts";
import { RUN_ROWS, type Call, type Site } from "./stage.ts";

/** How a reading is read. */
export function readerOf(reading: Reading): Reader {
  return reading.affine ? { activation: reading.affine.activation } : "plain";
}

/** Address of a norm group's scale and shift; 0 where there is none. */
export function coefficientsOf(
  site: Site,
  affine: Affine | undefined,
  group: number,
  channels: number,
): number {
  if (!affine) return 0;
  const { coefficients, common } = affine;
  return site.address(coefficients) + (common ? 0 : group * 2 * channels * FLOAT_BYTES);
}

/** Rows of one norm group that a pass works on, and the channels of them. */
export interface RowSpan {
  readonly group: number;
  /** First row, of the micro-batch. */
  readonly row: number;
  readonly rows: number;
  readonly channels: number;
  /** First channel, and number of channels. */
  readonly column: number;
  readonly taken: number;
  /** First partial sum of the norm group. */
  readonly part: number;
}

/** What a row pass works on; addresses of row 0, channel 0 of the micro-batch. */
export interface RowWork {
  readonly source: number;
  readonly reader?: RowPass["source"] | undefined;
  /** Of channel 0 of the span's norm group. */
  readonly sourceCoefficients?: number | undefined;
  /** Second value of `factors`. */
  readonly factor?: number | undefined;
  readonly addend?: Reading | undefined;
  readonly bias?: number | undefined;
  readonly activation?: Activation | undefined;
  readonly activated?: ActivatedValue | undefined;
  readonly target?: number | undefined;
  readonly sums?: (PartialSums & { readonly z?: number | undefined }) | undefined;
}

/** Calls for the rows of a span: one for each partial sum, or one for all. */
export function rowPassCalls(site: Site, span: RowSpan, work: RowWork): Call[] {
  const { channels, taken, column, group } = span;
  const { addend, activated, sums } = work;
  const pass: RowPass = {
    channels,
    taken,
    source: work.reader ?? "plain",
    addend: addend ? readerOf(addend) : "none",
    bias: work.bias !== undefined,
    activation: work.activation,
    activated: activated && {
      activation: activated.activation,
      reader: readerOf(activated.from),
    },
    store: work.target !== undefined,
    sums: sums ? (sums.z === undefined ? "square" : "product") : "none",
  };
  const code = site.library.code("row-pass", pass, ROW_PASS_PARAMETERS, writeRowPass);
  const columnBytes = column * FLOAT_BYTES;
  const coefficients = (affine: Affine | undefined): number =>
    coefficientsOf(site, affine, group, channels) + columnBytes;
  const runs = sums ? Math.ceil(span.rows / RUN_ROWS) : 1;
  return Array.from({ length: runs }, (_, run): Call => {
    const first = run * RUN_ROWS;
    const rows = sums ? Math.min(RUN_ROWS, span.rows - first) : span.rows;
    const start = (span.row + first) * channels * FLOAT_BYTES + columnBytes;
    const values = (reading: Reading | undefined): number =>
      reading ? site.address(reading.values) + start : 0;
    const part = group * (sums?.parts ?? 0) + span.part + run;
    return [
      code,
      ...rowPassArguments({
        rows,
        source: work.source + start,
        other: work.factor === undefined ? values(addend) : work.factor + start,
        activated: values(activated?.from),
        z: sums?.z === undefined ? 0 : sums.z + start,
        target: work.target === undefined ? 0 : work.target + start,
        sourceCoefficients: (work.sourceCoefficients ?? 0) + columnBytes,
        otherCoefficients: coefficients(addend?.affine),
        activatedCoefficients: coefficients(activated?.from.affine),
        bias: (work.bias ?? 0) + columnBytes,
        sums: sums
          ? site.address(sums.operand) + part * 2 * channels * FLOAT_BYTES + columnBytes
          : 0,
      }),
    ];
  });
}
