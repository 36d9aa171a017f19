import {
  outputIndex,
  rowMajor,
  type LoopsKernel,
  type Reduction,
} from "../../program/kernels/loops.ts";
import { allParts, LOWEST, type Case, type Expression } from "../../program/loops/expression.ts";
import { axisIndex, type IndexForm } from "../../program/loops/index-form.ts";
import type { FunctionWriter, Local } from "./assembler.ts";
import { ExpressionCode } from "./expression-code.ts";
import { LoopIndices } from "./loop-indices.ts";
import { FLOAT_BYTES, LANES, VECTOR_BYTES } from "./register-tile.ts";
import { segmentsOf, vectorAxis } from "./vector-axis.ts";

/** Vectors that are worked on together: sums that do not wait for each other. */
const MOST_VECTORS = 4;

/** Loops of which the first axes are given as arguments. */
export type LoopsShape = Pick<LoopsKernel, "extents" | "reduction" | "value" | "accumulates"> & {
  readonly reads: number;
  /** How many axes. */
  readonly given: number;
};

/**
 * Writes a `LoopsKernel`. Vectors lie along the output's last axis, or, where that is not contiguous
 * in what is read but the last axis reduced is, along that one. Arguments: scratch (not used), output,
 * what is read, the places along the axes given.
 */
export function writeLoops(writer: FunctionWriter, shape: LoopsShape): void {
  const [, output, ...others] = writer.parameters as [Local, Local, ...Local[]];
  const code = new LoopsCode(writer, shape, output, others.slice(0, shape.reads));
  code.write(others.slice(shape.reads));
}

class LoopsCode {
  readonly #writer: FunctionWriter;
  readonly #shape: LoopsShape;
  readonly #output: Local;
  readonly #indices: LoopIndices;
  /** Of the output, then of the reduction. */
  readonly #extents: readonly number[];
  readonly #axis: number;
  /** What a reduction has so far, of each vector. */
  readonly #sums: readonly Local[];
  /** Of an `arg-max`: which term that was. */
  readonly #places: readonly Local[];
  readonly #value: Local;
  readonly #expressions: ExpressionCode;

  constructor(writer: FunctionWriter, shape: LoopsShape, output: Local, reads: readonly Local[]) {
    this.#writer = writer;
    this.#shape = shape;
    this.#output = output;
    this.#extents = [...shape.extents, ...(shape.reduction?.extents ?? [])];
    this.#axis = vectorAxis(shape);
    const registers = (): Local[] => Array.from({ length: MOST_VECTORS }, () => writer.vector());
    this.#sums = registers();
    this.#places = registers();
    this.#value = writer.vector();
    this.#indices = new LoopIndices(writer);
    const results = shape.reduction?.by === "arg-max" ? this.#places : this.#sums;
    this.#expressions = new ExpressionCode(writer, this.#indices, reads, results, this.#axis);
  }

  write(given: readonly Local[]): void {
    const { value, reduction, extents } = this.#shape;
    const read = [...allParts(value), ...(reduction ? allParts(reduction.of) : [])];
    for (const part of read) this.#expressions.declare(part);
    this.#indices.declare(outputIndex(this.#shape), FLOAT_BYTES, this.#output);
    if (reduction?.by === "arg-max") this.#indices.declare(this.#termIndex);
    this.#indices.begin(given);
    if (reduction && this.#axis >= extents.length) {
      this.#loop(given.length, extents.length, () => this.#alongReduction(reduction));
    } else {
      this.#loop(given.length, this.#axis, () => this.#alongOutput());
    }
  }

  /** Loops over axes, one in the other. */
  #loop(axis: number, end: number, body: () => void): void {
    if (axis < end) {
      this.#steps(axis, 0, 1, this.#extents[axis]!, () => this.#loop(axis + 1, end, body));
    } else {
      body();
    }
  }

  #steps(axis: number, from: number, step: number, count: number, body: () => void): void {
    const writer = this.#writer;
    const at = writer.integer();
    const turn = (): void => this.#indices.inside(axis, at, body);
    writer.constant(from).set(at);
    if (count === 1) {
      turn();
      return;
    }
    writer.repeat(count, () => {
      turn();
      writer.advance(at, step);
    });
  }

  /** Goes along the vector axis, `count` vectors at a time. */
  #vectors(body: (count: number, lastLanes: number) => void): void {
    for (const { from, end } of segmentsOf(this.#shape, this.#axis)) {
      this.#expressions.goAlong(from);
      const vectors = Math.ceil((end - from) / LANES);
      const count = Math.ceil(vectors / Math.ceil(vectors / MOST_VECTORS));
      const step = count * LANES;
      const whole = Math.floor((end - from) / step);
      if (whole > 0) this.#steps(this.#axis, from, step, whole, () => body(count, LANES));
      const rest = from + whole * step;
      if (rest === end) continue;
      this.#steps(this.#axis, rest, step, 1, () =>
        body(Math.ceil((end - rest) / LANES), (end - rest) % LANES || LANES),
      );
    }
  }

  /** Vectors of the output, each with all that is reduced to it. */
  #alongOutput(): void {
    const writer = this.#writer;
    const { extents, reduction, value, accumulates } = this.#shape;
    this.#vectors((count, lastLanes) => {
      const lanesOf = (v: number): number => (v === count - 1 ? lastLanes : LANES);
      if (reduction) {
        for (let v = 0; v < count; v++) {
          this.#clear(reduction, v);
          if (accumulates) writer.loadVector(this.#target, v * VECTOR_BYTES).set(this.#sums[v]!);
        }
        this.#loop(extents.length, this.#extents.length, () => {
          this.#addTerms(reduction, count, lanesOf, () => LANES);
        });
      }
      for (let v = 0; v < count; v++) this.#store(value, v, lanesOf(v));
    });
  }

  /** Values of the output, each with vectors of what is reduced to it. */
  #alongReduction(reduction: Reduction): void {
    const writer = this.#writer;
    for (let v = 0; v < MOST_VECTORS; v++) this.#clear(reduction, v);
    this.#loop(this.#shape.extents.length, this.#axis, () => {
      this.#vectors((count, lastLanes) => {
        const lanesOf = (v: number): number => (v === count - 1 ? lastLanes : LANES);
        this.#addTerms(reduction, count, lanesOf, lanesOf);
      });
    });
    const [sum, ...others] = this.#sums as [Local, ...Local[]];
    const join = (put: () => void): void => {
      writer.get(sum);
      put();
      if (reduction.by === "sum") writer.addFloats();
      else writer.maxFloats();
      writer.set(sum);
    };
    for (const other of others) join(() => writer.get(other));
    join(() => writer.rotatedLanes(sum, 2));
    join(() => writer.rotatedLanes(sum, 1));
    this.#store(this.#shape.value, 0, 1);
  }

  #store(value: Expression, v: number, lanes: number): void {
    this.#expressions.put(value, v, lanes);
    this.#writer.set(this.#value);
    this.#writer.storeLanes(this.#target, v * VECTOR_BYTES, this.#value, lanes);
  }

  get #target(): Local {
    return this.#indices.value(outputIndex(this.#shape), this.#output);
  }

  #clear({ by }: Reduction, v: number): void {
    this.#writer.splat(identityOf(by)).set(this.#sums[v]!);
    if (by === "arg-max") this.#writer.splat(0).set(this.#places[v]!);
  }

  /**
   * @param readOf how many lanes of a vector there are
   * @param takenOf how many of them count; the others change nothing
   */
  #addTerms(
    reduction: Reduction,
    count: number,
    readOf: (v: number) => number,
    takenOf: (v: number) => number,
  ): void {
    const { by, of } = reduction;
    const add = (term: Expression): void => {
      for (let v = 0; v < count; v++) this.#addTerm(reduction, term, v, readOf(v), takenOf(v));
    };
    // Terms that change nothing are left out.
    if (of.kind === "when" && of.cases.length === 1 && of.otherwise === identityOf(by)) {
      const [{ conditions, gives }] = of.cases as [Case];
      this.#expressions.runWhen(conditions, () => add(gives));
    } else {
      add(of);
    }
  }

  #addTerm({ by }: Reduction, term: Expression, v: number, read: number, taken: number): void {
    const writer = this.#writer;
    const sum = this.#sums[v]!;
    const put = (part: Expression) => (): void => this.#expressions.put(part, v, read);
    if (by === "sum" && term.kind === "multiply" && taken === LANES) {
      writer.multiplyAdd(sum, put(term.a), put(term.b));
      return;
    }
    put(term)();
    if (taken < LANES) writer.splat(identityOf(by)).laneMask(taken).selectBits();
    switch (by) {
      case "sum":
        writer.get(sum).addFloats().set(sum);
        return;
      case "max":
        writer.get(sum).maxFloats().set(sum);
        return;
      case "arg-max":
        writer.set(this.#value);
        this.#keepLarger(this.#places[v]!, sum, () =>
          writer.splatNumber(this.#indices.value(this.#termIndex)),
        );
        this.#keepLarger(sum, sum, () => writer.get(this.#value));
        return;
      default:
        by satisfies never;
    }
  }

  /** kept ← what is put, where the value is larger than the sum. */
  #keepLarger(kept: Local, sum: Local, put: () => void): void {
    const writer = this.#writer;
    put();
    writer.get(kept).get(this.#value).get(sum).greaterFloats().selectBits().set(kept);
  }

  /** Which term of the reduction it is. */
  get #termIndex(): IndexForm {
    const { extents, reduction } = this.#shape;
    const axes = reduction!.extents.map((_, i) => axisIndex(extents.length + i));
    return rowMajor(reduction!.extents, axes);
  }
}

/** What changes nothing when it is put to others. */
function identityOf(by: Reduction["by"]): number {
  return by === "sum" ? 0 : LOWEST;
}
