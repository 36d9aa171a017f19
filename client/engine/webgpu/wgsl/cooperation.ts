import { quadsOf } from "./channels.ts";

/**
 * How many invocations take a channel's sums together, through shared memory. An emulated device
 * does best when each works alone: its barriers are slow, and it compiles shared memory word by word.
 */
export interface Cooperation {
  /** Invocations of a workgroup that walks over rows, at most. */
  readonly threads: number;
  /** Rows each of them works on before sums are put together. */
  readonly rowsEach: number;
  /** Invocations that share a channel's partial sums. */
  readonly sharers: number;
}

export const TOGETHER: Cooperation = { threads: 64, rowsEach: 16, sharers: 8 };
export const ALONE: Cooperation = { threads: 1, rowsEach: 64, sharers: 1 };

const MOST_QUADS = 16;

/** A workgroup that walks over rows. */
export interface Lanes {
  /** Quads of channels side by side. */
  readonly quads: number;
  /** Rows at once. */
  readonly rows: number;
}

export function lanesOf(channels: number, { threads }: Cooperation): Lanes {
  const quads = Math.min(MOST_QUADS, quadsOf(channels));
  return { quads, rows: Math.max(1, Math.floor(threads / quads)) };
}

/** Runs that one norm group's rows are cut into, and so partial sums. */
export function rowRuns(rows: number, channels: number, cooperation: Cooperation): number {
  return Math.ceil(rows / (lanesOf(channels, cooperation).rows * cooperation.rowsEach));
}
