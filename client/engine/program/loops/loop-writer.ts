import { rowMajor, sizeOf, type LoopsKernel, type Reduction } from "../kernels/loops.ts";
import type { Operand, Reading } from "../operands.ts";
import { REDUCED, when, type Condition, type Expression } from "./expression.ts";
import { axisIndex, quotientOf, rangeOf, sumOf, type IndexForm } from "./index-form.ts";

/** What is read by the kernel that is written. */
export type Tensors = Pick<LoopWriter, "tensor" | "reading">;

type Along<Axes extends readonly number[]> = { readonly [Axis in keyof Axes]: IndexForm };

type Place = readonly (IndexForm | number)[];

/**
 * Writes a loops kernel: first the output's extents and those that a reduction goes over, then what
 * is read, as tensors of any extents, at indices made of the axes.
 *
 * @example
 * // y[n, t] = Σ over c of x[n, t, c]²
 * const loops = new LoopWriter([images, tokens], [channels]);
 * const [image, token, channel] = loops.axes;
 * const x = loops.tensor(operand, [images, tokens, channels]).at(image, token, channel);
 * writer.emit("forward", loops.kernel("squares", y, { by: "sum", of: multiply(x, x) }));
 *
 * Of what the reduction gave, `REDUCED`, more can be made: `value` is over the output's axes. Without a
 * reduction `value` is all there is. Indices: `sumOf`, `multipleOf`, and `quotientOf` for strides
 * seen from behind. Where an index may leave a tensor, `padded` gives what is outside.
 *
 * What costs: the last axis should be the contiguous one of what is read (or one that does not
 * matter to it), or else the last axis reduced; anything is right, but gathered value by value. A
 * value is the work of one thread, so long sums are cut in two kernels (`sum-over-images.ts`).
 */
export class LoopWriter<
  const Extents extends readonly number[] = readonly number[],
  const Reduced extends readonly number[] = readonly [],
> {
  /** The output's, then the reduction's. */
  readonly axes: Along<[...Extents, ...Reduced]>;
  readonly #extents: readonly number[];
  readonly #reduced: readonly number[];
  readonly #reads: Operand[] = [];

  constructor(extents: Extents, reduced?: Reduced) {
    this.#extents = extents;
    this.#reduced = reduced ?? [];
    const axes = [...extents, ...this.#reduced].map((_, axis) => axisIndex(axis));
    this.axes = axes as unknown as typeof this.axes;
  }

  /** Memory as loops read it. */
  tensor(operand: Operand, extents: readonly number[]): LoopTensor {
    if (sizeOf(extents) !== operand.length) {
      throw new Error(`[${extents.join(", ")}] are not ${operand.length} values`);
    }
    const from = this.#numberOf(operand);
    return new LoopTensor(extents, [...this.#extents, ...this.#reduced], (at) => ({
      kind: "load",
      from,
      at: rowMajor(extents, at),
    }));
  }

  /**
   * A value as loops read it, images outermost and channels last.
   *
   * @param groupSize images of a norm group
   */
  reading({ values, affine }: Reading, extents: readonly number[], groupSize: number): LoopTensor {
    const plain = this.tensor(values, extents);
    if (!affine) return plain;
    const { coefficients, common, activation } = affine;
    const channels = extents.at(-1)!;
    const vectors = [coefficients.length / (2 * channels), 2, channels];
    const pairs = this.tensor(coefficients, vectors);
    return plain.mapped((stored, at) => {
      const group = common ? sumOf(0) : quotientOf(at[0]!, groupSize);
      const normalised: Expression = {
        kind: "multiply-add",
        a: stored,
        b: pairs.at(group, 0, at.at(-1)!),
        c: pairs.at(group, 1, at.at(-1)!),
      };
      return activation ? { kind: "activation", activation, of: normalised } : normalised;
    });
  }

  /** A term of a sum where an index is below a bound. */
  whenBelow(at: IndexForm, before: number, gives: Expression): Expression {
    const { most } = rangeOf(at, [...this.#extents, ...this.#reduced]);
    return when(most < before ? [] : [{ at, from: 0, before }], gives, 0);
  }

  /** The kernel that writes `value`, by default what the reduction gives. */
  kernel(
    label: string,
    output: Operand,
    reduction: Omit<Reduction, "extents"> | undefined,
    value: Expression = REDUCED,
  ): LoopsKernel {
    return this.#kernel(label, output, reduction, value, false);
  }

  /** The kernel that adds terms, in order, to what the output holds. */
  accumulation(label: string, output: Operand, of: Expression): LoopsKernel {
    return this.#kernel(label, output, { by: "sum", of }, REDUCED, true);
  }

  #kernel(
    label: string,
    output: Operand,
    reduction: Omit<Reduction, "extents"> | undefined,
    value: Expression,
    accumulates: boolean,
  ): LoopsKernel {
    if (sizeOf(this.#extents) !== output.length) {
      throw new Error(`${label}: [${this.#extents.join(", ")}] are not ${output.length} values`);
    }
    return {
      kind: "loops",
      label,
      extents: this.#extents,
      reduction: reduction && { ...reduction, extents: this.#reduced },
      value,
      reads: this.#reads,
      output,
      accumulates,
    };
  }

  #numberOf(operand: Operand): number {
    const known = this.#reads.indexOf(operand);
    return known >= 0 ? known : this.#reads.push(operand) - 1;
  }
}

/** Values of some extents, row-major, as loops read them. */
export class LoopTensor {
  readonly #extents: readonly number[];
  readonly #loops: readonly number[];
  readonly #read: (at: readonly IndexForm[]) => Expression;

  /** @param loops extents of all axes of the loops */
  constructor(
    extents: readonly number[],
    loops: readonly number[],
    read: (at: readonly IndexForm[]) => Expression,
  ) {
    this.#extents = extents;
    this.#loops = loops;
    this.#read = read;
  }

  /** The value at a place, which must be inside. */
  at(...place: Place): Expression {
    return this.#read(place.map((index) => sumOf(index)));
  }

  /** The value at a place, or what is outside. */
  padded(outside: number, ...place: Place): Expression {
    return when(this.within(...place), this.at(...place), outside);
  }

  /** What must hold for a place to be inside, as far as it does not hold everywhere. */
  within(...place: Place): Condition[] {
    return place.flatMap((index, i) => {
      const at = sumOf(index);
      const before = this.#extents[i]!;
      const { least, most } = rangeOf(at, this.#loops);
      return least >= 0 && most < before ? [] : [{ at, from: 0, before }];
    });
  }

  mapped(map: (value: Expression, at: readonly IndexForm[]) => Expression): LoopTensor {
    return new LoopTensor(this.#extents, this.#loops, (at) => map(this.#read(at), at));
  }
}
