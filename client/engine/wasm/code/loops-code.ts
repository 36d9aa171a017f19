import { outputIndex, type LoopsKernel, type Reduction } from "../../program/kernels/loops.ts";
import { allParts, LOWEST, type Case, type Expression } from "../../program/loops/expression.ts";
import type { FunctionWriter, Local } from "./assembler.ts";
import { ExpressionCode } from "./expression-code.ts";
import { sharedLoads, steadyLoads } from "./held-loads.ts";
import { LoopIndices } from "./loop-indices.ts";
import { FLOAT_BYTES, LANES, VECTOR_BYTES } from "./register-tile.ts";
import { segmentsOf, vectorAxis } from "./vector-axis.ts";
import { loopedTerms, writtenTerms, type Term, type WrittenTerms } from "./written-terms.ts";

/** Vectors that are worked on together: sums that do not wait for each other. */
const MOST_VECTORS = 4;

/** Loops of which the first axes are given as arguments, and a part of the next. */
export type LoopsShape = Pick<LoopsKernel, "extents" | "reduction" | "value" | "accumulates"> & {
  /** Lengths of what is read. */
  readonly lengths: readonly number[];
  /** How many axes are given. */
  readonly given: number;
};

/**
 * Writes a `LoopsKernel`. Vectors lie along the output's last axis, or, where that is not contiguous
 * in what is read but the last axis reduced is, along that one. Arguments: scratch (not used), output,
 * what is read, the places along the axes given; the first place along the next, and how many (the
 * last axis is always whole).
 */
export function writeLoops(writer: FunctionWriter, shape: LoopsShape): void {
  const [, output, ...others] = writer.parameters as [Local, Local, ...Local[]];
  const reads = shape.lengths.length;
  const code = new LoopsCode(writer, shape, output, others.slice(0, reads));
  code.write(others.slice(reads, -2), others.slice(-2) as [Local, Local]);
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
  readonly #mask: Local;
  readonly #terms: WrittenTerms;
  readonly #expressions: ExpressionCode;

  constructor(writer: FunctionWriter, shape: LoopsShape, output: Local, reads: readonly Local[]) {
    this.#writer = writer;
    this.#shape = shape;
    this.#output = output;
    const { extents, reduction } = shape;
    const rank = extents.length;
    this.#axis = vectorAxis(shape);
    const written = this.#axis < rank ? writtenTerms : loopedTerms;
    this.#terms = reduction ? written(reduction, rank) : { extents: [], terms: [] };
    this.#extents = [...extents, ...this.#terms.extents];
    const registers = (): Local[] => Array.from({ length: MOST_VECTORS }, () => writer.vector());
    this.#sums = registers();
    this.#places = registers();
    this.#value = writer.vector();
    this.#mask = writer.vector();
    this.#indices = new LoopIndices(writer);
    const results = shape.reduction?.by === "arg-max" ? this.#places : this.#sums;
    this.#expressions = new ExpressionCode(writer, this.#indices, reads, results, this.#axis);
  }

  write(given: readonly Local[], [first, count]: readonly [Local, Local]): void {
    const { value, reduction, extents } = this.#shape;
    const { terms } = this.#terms;
    for (const expression of [value, ...terms.map(({ of }) => of)]) {
      for (const part of allParts(expression)) this.#expressions.declare(part);
    }
    this.#indices.declare(outputIndex(this.#shape), FLOAT_BYTES, this.#output);
    if (reduction?.by === "arg-max") {
      for (const { index } of terms) this.#indices.declare(index);
    }
    this.#indices.begin(given);
    const rank = extents.length;
    const body = (): void => {
      if (reduction && this.#axis >= rank) this.#alongReduction(reduction);
      else this.#alongOutput();
    };
    const end = Math.min(this.#axis, rank);
    if (given.length >= Math.min(end, rank - 1)) {
      this.#loop(given.length, end, body);
      return;
    }
    const next = given.length;
    this.#writer.repeatVariable(count, () => {
      this.#indices.inside(next, first, () => this.#loop(next + 1, end, body));
      this.#writer.advance(first, 1);
    });
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
    const { reduction, value } = this.#shape;
    const { extents, terms } = this.#terms;
    const outputs = (): void => {
      this.#vectors((count, lastLanes) => {
        const lanesOf = (v: number): number => (v === count - 1 ? lastLanes : LANES);
        if (reduction) this.#reduce(reduction, count, lanesOf);
        for (let v = 0; v < count; v++) this.#store(value, v, lanesOf(v));
      });
    };
    // Inside a map no window is at an edge.
    const written = extents.length === 0 ? terms.map(({ of }) => of) : [];
    if (written.length > 1) this.#expressions.assuming([...written, value], outputs);
    else outputs();
  }

  #reduce(reduction: Reduction, count: number, lanesOf: (v: number) => number): void {
    const writer = this.#writer;
    const { accumulates } = this.#shape;
    const rank = this.#shape.extents.length;
    for (let v = 0; v < count; v++) {
      this.#clear(reduction, v);
      if (accumulates) writer.loadVector(this.#target, v * VECTOR_BYTES).set(this.#sums[v]!);
    }
    this.#expressions.holding(this.#steadyLoads(count), count, () => {
      this.#loop(rank, this.#extents.length, () => {
        for (const term of this.#terms.terms) {
          this.#addTerms(reduction, term, count, lanesOf, () => LANES);
        }
      });
    });
  }

  #steadyLoads(count: number) {
    const { extents, lengths } = this.#shape;
    const terms = this.#terms.terms.map(({ of }) => of);
    return steadyLoads(terms, this.#extents, extents.length, lengths, count);
  }

  /** Values of the output, each with vectors of what is reduced to it. */
  #alongReduction(reduction: Reduction): void {
    const writer = this.#writer;
    const [term] = this.#terms.terms as [Term];
    for (let v = 0; v < MOST_VECTORS; v++) this.#clear(reduction, v);
    this.#expressions.holding(this.#steadyLoads(1), 1, () => {
      this.#loop(this.#shape.extents.length, this.#axis, () => {
        this.#vectors((count, lastLanes) => {
          const lanesOf = (v: number): number => (v === count - 1 ? lastLanes : LANES);
          this.#addTerms(reduction, term, count, lanesOf, lanesOf);
        });
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
    { by }: Reduction,
    { of, index }: Term,
    count: number,
    readOf: (v: number) => number,
    takenOf: (v: number) => number,
  ): void {
    const add = (term: Expression): void => {
      const shared = count > 1 ? sharedLoads(term, this.#axis) : [];
      this.#expressions.holding(shared, count, () => {
        for (let v = 0; v < count; v++) {
          this.#addTerm(by, { of: term, index }, v, readOf(v), takenOf(v));
        }
      });
    };
    // Terms that change nothing are left out.
    if (of.kind === "when" && of.cases.length === 1 && of.otherwise === identityOf(by)) {
      const [{ conditions, gives }] = of.cases as [Case];
      this.#expressions.runWhen(conditions, () => add(gives));
    } else {
      add(of);
    }
  }

  #addTerm(by: Reduction["by"], { of, index }: Term, v: number, read: number, taken: number): void {
    const writer = this.#writer;
    const sum = this.#sums[v]!;
    const put = (part: Expression) => (): void => this.#expressions.put(part, v, read);
    if (by === "sum" && of.kind === "multiply" && taken === LANES) {
      writer.multiplyAdd(sum, put(of.a), put(of.b));
      return;
    }
    put(of)();
    if (taken < LANES) writer.splat(identityOf(by)).laneMask(taken).selectBits();
    switch (by) {
      case "sum":
        writer.get(sum).addFloats().set(sum);
        return;
      case "max":
        writer.get(sum).maxFloats().set(sum);
        return;
      case "arg-max":
        writer.set(this.#value).get(this.#value).get(sum).greaterFloats().set(this.#mask);
        writer.splatNumber(this.#indices.value(index)).get(this.#places[v]!);
        writer.get(this.#mask).selectBits().set(this.#places[v]!);
        writer.get(this.#value).get(sum).maxFloats().set(sum);
        return;
      default:
        by satisfies never;
    }
  }
}

/** What changes nothing when it is put to others. */
function identityOf(by: Reduction["by"]): number {
  return by === "sum" ? 0 : LOWEST;
}
