import { EngineError } from "../engine-error.ts";
import type { ProgramMode } from "../program/compile.ts";
import type { Program } from "../program/program.ts";
import type { BatchShape } from "../program/program-writer.ts";

/** A part of a batch that is worked through at once. */
export interface MicroBatch {
  readonly firstImage: number;
  readonly program: Program;
}

export interface MemoryBudget {
  /** Bytes the arena may have. */
  readonly bytes: number;
  /** Most norm groups at once; after trouble with the device. */
  readonly mostGroups: number;
}

/**
 * Cuts a batch into as few micro-batches as memory allows: whole norm groups, or, where norms do not
 * matter, images.
 *
 * @throws EngineError `device-failed` when not even the smallest one fits.
 */
export function planMicroBatches(
  compile: (batch: BatchShape) => Program,
  mode: ProgramMode,
  { groupSize, groups }: BatchShape,
  budget: MemoryBudget,
): MicroBatch[] {
  const evaluates = mode === "evaluate";
  const unit = evaluates ? 1 : groupSize;
  const units = evaluates ? groupSize * groups : groups;
  const most = evaluates ? units : Math.min(units, budget.mostGroups);
  const shape = (count: number): BatchShape =>
    evaluates ? { groupSize: count, groups: 1 } : { groupSize, groups: count };
  for (let parts = Math.ceil(units / most); ; parts = nextParts(units, parts)) {
    const count = Math.ceil(units / parts);
    const program = compile(shape(count));
    const bytes = 4 * program.arenaLength;
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
