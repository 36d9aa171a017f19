import { timesOf, lastAxis, type IndexForm } from "../../program/loops/index-form.ts";
import type { FunctionWriter, Local } from "./assembler.ts";

/** A number that code computes where the axes it depends on have moved, and nowhere else. */
interface IndexValue {
  readonly form: IndexForm;
  /** What is multiplied with it: the bytes of a value, of an address. */
  readonly unit: number;
  readonly base: Local | undefined;
  /** As far as the loops around know. */
  current: Local;
}

/** The axes of loops, outermost first, and the indices that depend on them. */
export class LoopIndices {
  readonly #writer: FunctionWriter;
  /** Of the axes that loops are inside of. */
  readonly #axes = new Map<number, Local>();
  readonly #values = new Map<string, IndexValue>();

  constructor(writer: FunctionWriter) {
    this.#writer = writer;
  }

  /** Makes an index known, before any loop. */
  declare(form: IndexForm, unit = 1, base?: Local): void {
    const key = keyOf(form, base);
    if (this.#values.has(key)) return;
    const current = this.#writer.integer();
    this.#values.set(key, { form, unit, base, current });
  }

  /** An index in its unit, from its base, as far as loops are entered. */
  value(form: IndexForm, base?: Local): Local {
    return this.#values.get(keyOf(form, base))!.current;
  }

  /** Begins, inside of axes that are given, the first ones. */
  begin(given: readonly Local[]): void {
    const writer = this.#writer;
    given.forEach((local, axis) => this.#axes.set(axis, local));
    for (const value of this.#values.values()) {
      const { form, unit, base, current } = value;
      writer.constant(form.constant * unit);
      if (base !== undefined) writer.get(base).addScalars();
      given.forEach((_, axis) => this.#addTerms(value, axis));
      // Quotients of constants alone.
      this.#addQuotients(value, -1);
      writer.set(current);
    }
  }

  /** Runs code inside of an axis that is somewhere: indices know of it there. */
  inside(axis: number, at: Local, body: () => void): void {
    const writer = this.#writer;
    this.#axes.set(axis, at);
    const before = new Map<IndexValue, Local>();
    for (const value of this.#values.values()) {
      if (timesOf(value.form, axis) === 0 && quotientsAt(value.form, axis).length === 0) continue;
      before.set(value, value.current);
      const moved = writer.integer();
      writer.get(value.current);
      this.#addTerms(value, axis);
      writer.set(moved);
      value.current = moved;
    }
    body();
    for (const [value, current] of before) value.current = current;
    this.#axes.delete(axis);
  }

  #addTerms(value: IndexValue, axis: number): void {
    const times = timesOf(value.form, axis) * value.unit;
    if (times !== 0) this.#addProduct(() => this.#writer.get(this.#axes.get(axis)!), times);
    this.#addQuotients(value, axis);
  }

  /** Those that are known once an axis is. */
  #addQuotients({ form, unit }: IndexValue, axis: number): void {
    for (const { of, by, times } of quotientsAt(form, axis)) {
      const quotient = (): void => {
        this.#put(of);
        this.#writer.constant(by).divideScalars();
      };
      this.#addProduct(quotient, times * unit);
    }
  }

  #put({ constant, axes, quotients }: IndexForm): void {
    this.#writer.constant(constant);
    for (const { axis, times } of axes) {
      this.#addProduct(() => this.#writer.get(this.#axes.get(axis)!), times);
    }
    for (const { of, by, times } of quotients) {
      const quotient = (): void => {
        this.#put(of);
        this.#writer.constant(by).divideScalars();
      };
      this.#addProduct(quotient, times);
    }
  }

  #addProduct(factor: () => void, times: number): void {
    const writer = this.#writer;
    factor();
    if (times !== 1) writer.constant(times).multiplyScalars();
    writer.addScalars();
  }
}

function quotientsAt({ quotients }: IndexForm, axis: number) {
  return quotients.filter(({ of }) => lastAxis(of) === axis);
}

function keyOf(form: IndexForm, base: Local | undefined): string {
  return `${base} ${JSON.stringify(form)}`;
}
