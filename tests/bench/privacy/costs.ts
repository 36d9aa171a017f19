import { uniformSource } from "../../../protocol/random/uniform-source.ts";
import {
  exponentFor,
  quantise,
  type Cohort,
} from "../../../protocol/privacy/vector/fixed-point.ts";
import type { Piece } from "../../../protocol/privacy/secure-aggregation/participant.ts";

/** What is measured. */
export interface Measured {
  /** Trainable values of an update. */
  readonly values: number;
  readonly participants: number;
}

/** A line of the table; seconds are of CPU, of all threads together. */
export interface CostRow extends Measured {
  readonly how: string;
  readonly gone: number;
  readonly participantSeconds: number;
  readonly coordinatorSeconds: number;
  readonly helperSeconds: number | null;
  /** Of one participant, to the coordinator. */
  readonly upBytes: number;
  /** Of one participant, from it, beside the student. */
  readonly downBytes: number;
  /** Most that a participant holds besides the update itself. */
  readonly participantBytes: number;
}

/** Values of a piece, as of a slice. */
export const PIECE = 2 ** 19;

export function pieceLengths(values: number): number[] {
  const whole = Math.floor(values / PIECE);
  const rest = values % PIECE;
  return [...Array.from({ length: whole }, () => PIECE), ...(rest > 0 ? [rest] : [])];
}

/** CPU seconds of all threads that the work takes, and what comes of it. */
export async function cpuSeconds<Result>(
  work: () => Promise<Result> | Result,
): Promise<{ readonly seconds: number; readonly result: Result }> {
  const before = process.cpuUsage();
  const result = await work();
  const { system, user } = process.cpuUsage(before);
  return { seconds: round((system + user) / 1e6), result };
}

export function round(seconds: number): number {
  return Number(seconds.toPrecision(3));
}

/** An update of normal size: what is quantised does not matter, that it differs from value to value does. */
export function someUpdate(values: number): Float32Array {
  return Float32Array.from({ length: values }, (_, i) => Math.sin(i) / 1000);
}

/** The update as words of 16 bits, in pieces. */
export function quantised(update: Float32Array, participants: number): Piece[] {
  const cohort: Cohort = { participants, weight: 1 };
  const exponent = exponentFor(0.004, 16, cohort);
  const seed = crypto.getRandomValues(new Uint8Array(32));
  return pieceLengths(update.length).map((length, index) => {
    const values = update.subarray(index * PIECE, index * PIECE + length);
    const random = uniformSource(seed, `piece ${index}`);
    const section = { bits: 16 as const, runs: [{ length, exponent }] };
    return { index, bits: 16, words: quantise(values, section, cohort, 1, random).words };
  });
}
