import { EngineError } from "../engine-error.ts";
import { activationBytes, type Program } from "../program/program.ts";
import type { BatchShape } from "../program/program-writer.ts";

/** A part of a batch that is worked through at once. */
export interface MicroBatch {
  readonly firstImage: number;
  readonly program: Program;
}

export interface MemoryBudget {
  /** Bytes the arena may have, halves included. */
  readonly bytes: number;
  /** Most norm groups at once; after trouble with the device. */
  readonly mostGroups: number;
}

/**
 * Cuts a batch into as few micro-batches as memory allows: whole norm groups, or, where norms do not
 * matter, images.
 *
 * @param alone whether images may be taken one by one
 * @throws EngineError `device-failed` when not even the smallest one fits.
 */
export function planMicroBatches(
  compile: (batch: BatchShape) => Program,
  alone: boolean,
  { groupSize, groups }: BatchShape,
  budget: MemoryBudget,
): MicroBatch[] {
  const unit = alone ? 1 : groupSize;
  const units = alone ? groupSize * groups : groups;
  const most = alone ? units : Math.min(units, budget.mostGroups);
  const shape = (count: number): BatchShape =>
    alone ? { groupSize: count, groups: 1 } : { groupSize, groups: count };
  for (let parts = Math.ceil(units / most); ; parts = nextParts(units, parts)) {
    const count = Math.ceil(units / parts);
    const program = compile(shape(count));
    const bytes = activationBytes(program);
    if (bytes <= budget.bytes) return cut(units, count, unit, program, (n) => compile(shape(n)));
    if (count > 1) continue;
    throw new EngineError(
      "device-failed",
      `${unit} images need ${mebibytes(bytes)} at once and the GPU offers ${mebibytes(budget.bytes)}; ` +
        "use a smaller batch norm group or another backend",
    );
  }
}

/** The next number of parts that makes the largest one smaller. */
function nextParts(units: number, parts: number): number {
  const count = Math.ceil(units / parts);
  return Math.ceil(units / (count - 1));
}

function cut(
  units: number,
  count: number,
  unit: number,
  program: Program,
  compile: (count: number) => Program,
): MicroBatch[] {
  const rest = units % count;
  const whole = Array.from({ length: Math.floor(units / count) }, (_, i) => ({
    firstImage: i * count * unit,
    program,
  }));
  if (rest === 0) return whole;
  return [...whole, { firstImage: (units - rest) * unit, program: compile(rest) }];
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
