import { copiesIn } from "../step/request.ts";
import type { DeviceResult } from "./device-result.ts";
import type { Work } from "./device-work.ts";

/** A student from where everything later can be done again. In device layout. */
export interface SafePoint {
  readonly student: Float32Array<ArrayBuffer>;
  /** Undefined: at rest. */
  readonly velocity: Float32Array<ArrayBuffer> | undefined;
  /** The universal one; undefined: none yet. */
  readonly perturbation: Float32Array<ArrayBuffer> | undefined;
}

interface Entry {
  readonly work: Work;
  /** Whether its result is one of a step. */
  readonly counts: boolean;
}

/** A step's result as the device sums it. */
interface SummedResult {
  readonly sums: DeviceResult;
  readonly images: number;
  readonly copies: number;
}

/**
 * What was done to a student since the last safe point, and what is known of it. The n-th entry's
 * result is the n-th of the device's ring.
 */
export class ReplayLog {
  #safePoint: SafePoint | undefined;
  #entries: Entry[] = [];
  /** Entries whose results were learned. */
  #learned = 0;
  #untaken: SummedResult[] = [];

  get safePoint(): SafePoint | undefined {
    return this.#safePoint;
  }

  get length(): number {
    return this.#entries.length;
  }

  /** Whether there is a universal perturbation by now. */
  get perturbs(): boolean {
    if (this.#safePoint?.perturbation) return true;
    return this.#entries.some(({ work }) => work.request.adversary?.copies.perImage === false);
  }

  get hasUnknownResults(): boolean {
    return this.#entries.slice(this.#learned).some(({ counts }) => counts);
  }

  /** Begins anew; results that nobody took are forgotten. */
  begin(safePoint: SafePoint): void {
    this.advance(safePoint);
    this.#untaken = [];
  }

  /** Moves the safe point to the present, of which all results are known. */
  advance(safePoint: SafePoint): void {
    this.#safePoint = safePoint;
    this.#entries = [];
    this.#learned = 0;
  }

  forget(): void {
    this.#safePoint = undefined;
    this.#entries = [];
    this.#untaken = [];
  }

  add(work: Work, counts: boolean): number {
    return this.#entries.push({ work, counts }) - 1;
  }

  /** Takes back the last entry. */
  drop(index: number): void {
    this.#entries.length = index;
  }

  entry(index: number): Entry {
    return this.#entries[index]!;
  }

  /** Takes results from the device's ring. */
  learn(ring: readonly DeviceResult[]): void {
    for (; this.#learned < this.#entries.length; this.#learned++) {
      const { work, counts } = this.#entries[this.#learned]!;
      if (!counts) continue;
      const sums = ring[this.#learned]!;
      const { request } = work;
      this.#untaken.push({ sums, images: request.size, copies: copiesIn(request) });
    }
  }

  /** Results that nobody took yet, in order. */
  takeResults(): readonly SummedResult[] {
    const results = this.#untaken;
    this.#untaken = [];
    return results;
  }
}
