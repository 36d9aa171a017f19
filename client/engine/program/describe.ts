import { accessOf } from "./access.ts";
import type { HeadKernel, PooledLogits } from "./head-kernels.ts";
import {
  activationBytes,
  type ConvGeometry,
  type Kernel,
  type Pass,
  type Program,
} from "./program.ts";
import { bytesIn } from "./operands.ts";

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

/** Of a value between four others, or of the gradient by where it is. */
const WARP_FLOPS = 12;

/** Number of multiply-adds of a convolution; its gradients have as many. */
function multiplyAdds(geometry: ConvGeometry): number {
  const { images, outputHeight, outputWidth, channelsOut, groups } = geometry;
  const { kernelHeight, kernelWidth, channelsIn } = geometry;
  const window = (kernelHeight * kernelWidth * channelsIn) / groups;
  return images * outputHeight * outputWidth * channelsOut * window;
}

/** Kernels, arithmetic, memory traffic and memory of a program. */
export function describeProgram(program: Program): ProgramDescription {
  const kernels = program.kernels.map(({ pass, kernel }) => ({
    pass,
    kind: kernel.kind,
    detail: detailOf(kernel),
    flops: flopsOf(kernel),
    bytes: bytesOf(kernel),
  }));
  const total = (of: (cost: KernelCost) => number): number =>
    kernels.reduce((sum, cost) => sum + of(cost), 0);
  const convolutionOutputBytes = program.kernels.reduce(
    (sum, { pass, kernel }) =>
      pass === "forward" && kernel.kind === "convolve"
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

function flopsOf(kernel: Kernel): number {
  switch (kernel.kind) {
    case "convolve":
    case "input-gradient":
    case "filter-gradient":
      return 2 * multiplyAdds(kernel.geometry);
    case "linear":
      return 2 * kernel.images * kernel.inputs * kernel.outputs;
    case "linear-gradient":
      return (
        2 *
        (Number(kernel.dx !== undefined) + Number(kernel.parameters !== undefined)) *
        (kernel.images * kernel.inputs * kernel.outputs)
      );
    case "combine":
    case "gather-gradient":
      return 2 * kernel.rows * kernel.channels;
    case "norm-gradient":
      return 4 * kernel.rows * kernel.channels;
    case "pool":
      return kernel.images * kernel.positions * kernel.channels;
    case "norm-statistics":
    case "norm-gradient-factors":
      return kernel.sums.operand.length;
    case "running-norm":
      return 4 * kernel.channels;
    case "perturb":
      return (kernel.warp ? WARP_FLOPS : 1) * kernel.perturbed.length;
    case "collect-ascent":
      return (kernel.warp ? 1 + WARP_FLOPS : 1) * kernel.gradient.length;
    case "loss":
      return 10 * kernel.images * kernel.classes;
    case "head":
      return kernel.images * headFlops(kernel);
    default:
      return kernel satisfies never;
  }
}

/** Of one image: two products in the student's gradient and one in each forward pass. */
function headFlops({ student, teacher, classes }: HeadKernel): number {
  const forward = ({ positions, channels }: PooledLogits): number =>
    (positions + 2 * classes) * channels;
  const gradient = 4 * classes * student.channels;
  return forward(student) + (teacher ? forward(teacher) : 0) + 10 * classes + gradient;
}

function detailOf(kernel: Kernel): string {
  switch (kernel.kind) {
    case "convolve":
    case "input-gradient":
    case "filter-gradient": {
      const g = kernel.geometry;
      const grouped = g.groups > 1 ? `, ${g.groups} groups` : "";
      const parts = kernel.kind === "filter-gradient" ? `, ${kernel.parts} parts` : "";
      return (
        `[${g.images},${g.inputHeight},${g.inputWidth},${g.channelsIn}] → ` +
        `[${g.images},${g.outputHeight},${g.outputWidth},${g.channelsOut}], ` +
        `${g.kernelHeight}×${g.kernelWidth}/${g.stride}${grouped}${parts}`
      );
    }
    case "linear":
    case "linear-gradient":
      return `[${kernel.images},${kernel.inputs}] → [${kernel.images},${kernel.outputs}]`;
    case "combine":
    case "gather-gradient":
    case "norm-gradient":
      return `[${kernel.rows},${kernel.channels}]`;
    case "pool":
      return `[${kernel.images},${kernel.positions},${kernel.channels}]`;
    case "norm-statistics":
    case "norm-gradient-factors":
      return `[${kernel.channels}], ${kernel.sums.parts} parts`;
    case "running-norm":
      return `[${kernel.channels}]`;
    case "perturb":
    case "collect-ascent": {
      const { clean, copies } = kernel.rows;
      const warped = kernel.warp ? `, warped by ${kernel.warp.grid}×${kernel.warp.grid} nodes` : "";
      return `${clean} images and ${copies} copies a group, ${kernel.imageLength} values each${warped}`;
    }
    case "loss":
      return `[${kernel.images},${kernel.classes}]`;
    case "head": {
      const { positions, channels } = kernel.student;
      return `[${kernel.images},${positions},${channels}] → [${kernel.images},${kernel.classes}]`;
    }
    default:
      return kernel satisfies never;
  }
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
