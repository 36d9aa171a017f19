import type { LoopsKernel } from "../kernels/loops.ts";
import type { Operand } from "../operands.ts";
import type { ProgramWriter } from "../program-writer.ts";
import { REDUCED, type Expression } from "./expression.ts";
import type { IndexForm } from "./index-form.ts";
import { LoopWriter, type Tensors } from "./loop-writer.ts";

export type RunPlace = readonly [
  image: IndexForm,
  position: IndexForm,
  group: IndexForm,
  channel: IndexForm,
];

type Term = (read: RunReader, at: RunPlace) => Expression;

/**
 * Values of images that are normalised in runs, `[N, positions, groups, width]`: each `width` channels
 * by themselves, or over all positions.
 */
export class NormedRuns {
  readonly extents: readonly [images: number, positions: number, groups: number, width: number];
  /** Of what there is one number a run of. */
  readonly runExtents: readonly [images: number, positions: number, groups: number];
  /** Of a run. */
  readonly values: number;

  constructor(
    [images, positions, channels]: readonly [number, number, number],
    groups: number,
    over: "channels" | "positions",
  ) {
    const width = channels / groups;
    this.extents = [images, positions, groups, width];
    this.runExtents = [images, over === "channels" ? positions : 1, groups];
    this.values = over === "channels" ? width : positions * width;
  }
}

/** What kernels read of values in runs. */
export class RunReader {
  readonly #loops: Tensors;
  readonly #runs: NormedRuns;

  constructor(loops: Tensors, runs: NormedRuns) {
    this.#loops = loops;
    this.#runs = runs;
  }

  value(operand: Operand, at: RunPlace): Expression {
    return this.#loops.tensor(operand, this.#runs.extents).at(...at);
  }

  /** What there is for a run. */
  ofRun(operand: Operand, [image, position, group]: RunPlace): Expression {
    const { extents, runExtents } = this.#runs;
    const place = runExtents[1] === extents[1] ? position : 0;
    return this.#loops.tensor(operand, runExtents).at(image, place, group);
  }

  /** What there is for a channel. */
  ofChannel(operand: Operand, [, , group, channel]: RunPlace): Expression {
    const [, , groups, width] = this.#runs.extents;
    return this.#loops.tensor(operand, [groups, width]).at(group, channel);
  }
}

/** Memory for one number a run. */
export function momentsMemory(writer: ProgramWriter, { runExtents }: NormedRuns): Operand {
  const [images, positions, groups] = runExtents;
  return writer.workspace(images * positions * groups);
}

/** One number a run, made of the sum of a term. */
export function runSums(
  writer: ProgramWriter,
  runs: NormedRuns,
  label: string,
  y: Operand,
  term: Term,
  value: Expression = REDUCED,
): LoopsKernel[] {
  const [images, positions, groups, width] = runs.extents;
  const ofPositions = [images, positions, groups] as const;
  const loops = new LoopWriter(ofPositions, [width]);
  const of = term(new RunReader(loops, runs), loops.axes);
  if (runs.runExtents[1] === positions) return [loops.kernel(label, y, { by: "sum", of }, value)];
  const partial = writer.workspace(images * positions * groups);
  const last = new LoopWriter([images, groups], [positions]);
  const [image, group, position] = last.axes;
  const sum = last.tensor(partial, ofPositions).at(image, position, group);
  return [
    loops.kernel(label, partial, { by: "sum", of }),
    last.kernel(label, y, { by: "sum", of: sum }, value),
  ];
}

/** The kernel that writes every value. */
export function everyValue(runs: NormedRuns, label: string, y: Operand, make: Term): LoopsKernel {
  const loops = new LoopWriter(runs.extents);
  return loops.kernel(label, y, undefined, make(new RunReader(loops, runs), loops.axes));
}

/**
 * Writes kernels that add to a parameter's gradient, one value a channel: image after image, so that
 * how many norm groups there are at once changes no bit.
 */
export function sumOfChannels(
  writer: ProgramWriter,
  runs: NormedRuns,
  label: string,
  gradient: Operand,
  term: Term,
): void {
  const [images, positions, groups, width] = runs.extents;
  const ofImages = writer.workspace(images * groups * width);
  const first = new LoopWriter([images, groups, width], [positions]);
  const [image, group, channel, position] = first.axes;
  const of = term(new RunReader(first, runs), [image, position, group, channel]);
  writer.emit("backward", first.kernel(label, ofImages, { by: "sum", of }));
  const last = new LoopWriter([groups, width], [images]);
  const [ofGroup, inGroup, ofImage] = last.axes;
  const sum = last.tensor(ofImages, [images, groups, width]).at(ofImage, ofGroup, inGroup);
  writer.emit("backward", last.accumulation(label, gradient, sum));
}
