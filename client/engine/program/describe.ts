import { accessOf, costOf, type Kernel } from "./kernels/kernels.ts";
import { bytesIn } from "./operands.ts";
import { activationBytes, type Pass, type Program } from "./program.ts";

/** What one kernel costs; bytes count each operand once, as if nothing were read twice. */
interface KernelCost {
  readonly pass: Pass;
  readonly kind: Kernel["kind"];
  /** For people: shapes. */
  readonly detail: string;
  /** Multiplications and additions. */
  readonly flops: number;
  readonly bytes: number;
}

export interface ProgramDescription {
  readonly kernels: readonly KernelCost[];
  readonly flops: number;
  readonly bytes: number;
  /** Bytes of all convolution outputs of the student's forward pass. */
  readonly convolutionOutputBytes: number;
  /** The arena, and activations stored as halves. */
  readonly arenaBytes: number;
  /** What both would need if no buffer shared memory. */
  readonly unsharedBytes: number;
  /** All of it as a table. */
  readonly text: string;
}

/** Kernels, arithmetic, memory traffic and memory of a program. */
export function describeProgram(program: Program): ProgramDescription {
  const kernels = program.kernels.map(({ pass, kernel }) => {
    const { flops, shapes } = costOf(kernel);
    return { pass, kind: kernel.kind, detail: shapes, flops, bytes: bytesOf(kernel) };
  });
  const total = (of: (cost: KernelCost) => number): number =>
    kernels.reduce((sum, cost) => sum + of(cost), 0);
  const convolutionOutputBytes = program.kernels.reduce(
    (sum, { pass, kernel }) =>
      pass === "forward" && (kernel.kind === "convolve" || kernel.kind === "depthwise")
        ? sum + bytesIn(kernel.y.region, kernel.y.length)
        : sum,
    0,
  );
  const description = {
    kernels,
    flops: total(({ flops }) => flops),
    bytes: total(({ bytes }) => bytes),
    convolutionOutputBytes,
    arenaBytes: activationBytes(program),
    unsharedBytes: program.unsharedBytes,
  };
  return { ...description, text: table(description) };
}

function bytesOf(kernel: Kernel): number {
  const { reads, writes } = accessOf(kernel);
  return [...reads, ...writes].reduce(
    (sum, { region, length }) => sum + bytesIn(region, length),
    0,
  );
}

function mega(value: number): string {
  return (value / 1e6).toFixed(1).padStart(9);
}

function table(description: Omit<ProgramDescription, "text">): string {
  const rows = description.kernels.map(
    ({ pass, kind, detail, flops, bytes }) =>
      `${pass.padEnd(8)} ${kind.padEnd(21)} ${mega(flops)} ${mega(bytes)}  ${detail}`,
  );
  const { flops, bytes, convolutionOutputBytes, arenaBytes, unsharedBytes } = description;
  return [
    `${"pass".padEnd(8)} ${"kernel".padEnd(21)}     MFLOP        MB  shapes`,
    ...rows,
    `${rows.length} kernels, ${(flops / 1e9).toFixed(2)} GFLOP, ${(bytes / 1e6).toFixed(0)} MB read and written ` +
      `(${(bytes / convolutionOutputBytes).toFixed(1)} times the convolution outputs)`,
    `arena ${(arenaBytes / 1e6).toFixed(1)} MB; without reuse ${(unsharedBytes / 1e6).toFixed(1)} MB`,
  ].join("\n");
}
