import {
  allParts,
  conditionsOf,
  type Case,
  type Condition,
  type Expression,
} from "../../program/loops/expression.ts";
import { dependsOn, lastAxis, timesOf, type IndexForm } from "../../program/loops/index-form.ts";
import type { FunctionWriter, Local } from "./assembler.ts";
import { exp } from "../../program/lanes/exp.ts";
import type { LoopIndices } from "./loop-indices.ts";
import { activate } from "./pad-images-code.ts";
import { FLOAT_BYTES, LANES } from "./register-tile.ts";
import { holdsAt } from "./vector-axis.ts";

export type Load = Expression & { readonly kind: "load" };

/** Expressions of loops, as vectors along one axis. */
export class ExpressionCode {
  readonly #writer: FunctionWriter;
  readonly #indices: LoopIndices;
  readonly #reads: readonly Local[];
  readonly #results: readonly Local[];
  readonly #axis: number;
  /** Loads that variables hold: of each vector, or one for all. */
  readonly #held = new Map<string, readonly Local[]>();
  /** Where along the vector axis, as far as conditions can tell. */
  #place = 0;
  /** Conditions that were tested already, and what came of it. */
  readonly #tested = new Map<string, Local>();
  /** Whether all conditions are known to hold, but those along the vector axis. */
  #allHold = false;

  /**
   * @param reads addresses
   * @param results what a reduction gave, of each vector
   * @param axis that vectors lie along
   */
  constructor(
    writer: FunctionWriter,
    indices: LoopIndices,
    reads: readonly Local[],
    results: readonly Local[],
    axis: number,
  ) {
    this.#writer = writer;
    this.#indices = indices;
    this.#reads = reads;
    this.#results = results;
    this.#axis = axis;
  }

  /** Has the indices of a part computed. */
  declare(part: Expression): void {
    switch (part.kind) {
      case "load":
        this.#indices.declare(part.at, FLOAT_BYTES, this.#reads[part.from]!);
        return;
      case "index":
        this.#indices.declare(part.at);
        return;
      case "when":
        for (const { at, from } of conditionsOf(part)) {
          if (!dependsOn(at, this.#axis)) this.#indices.declare(shifted(at, from));
        }
        return;
      default:
    }
  }

  /** Says that what follows is about a segment of the vector axis. */
  goAlong(from: number): void {
    this.#place = from;
  }

  /**
   * Puts one vector's value on the stack.
   *
   * @param lanes how many there are; the others may be anything
   */
  put(expression: Expression, v: number, lanes: number): void {
    const writer = this.#writer;
    const put = (part: Expression) => (): void => this.put(part, v, lanes);
    const both = ({ a, b }: { readonly a: Expression; readonly b: Expression }): void => {
      put(a)();
      put(b)();
    };
    switch (expression.kind) {
      case "load":
        this.#load(expression, v, lanes);
        return;
      case "constant":
        writer.splat(expression.value);
        return;
      case "index":
        this.#number(expression.at, v);
        return;
      case "reduced":
        writer.get(this.#results[v]!);
        return;
      case "add":
        both(expression);
        writer.addFloats();
        return;
      case "subtract":
        both(expression);
        writer.subtractFloats();
        return;
      case "multiply":
        both(expression);
        writer.multiplyFloats();
        return;
      case "divide":
        both(expression);
        writer.divideFloats();
        return;
      case "maximum":
        both(expression);
        writer.maxFloats();
        return;
      case "minimum":
        both(expression);
        writer.minFloats();
        return;
      case "exp":
        put(expression.of)();
        exp(writer);
        return;
      case "sqrt":
        put(expression.of)();
        writer.rootFloats();
        return;
      case "activation":
        put(expression.of)();
        activate(writer, expression.activation);
        return;
      case "multiply-add":
        writer.multiplyAddTo(put(expression.a), put(expression.b), put(expression.c));
        return;
      case "select":
        put(expression.gives)();
        put(expression.otherwise)();
        both(expression);
        if (expression.test === "equal") writer.equalFloats();
        else writer.greaterFloats();
        writer.selectBits();
        return;
      case "when":
        this.#firstOf(expression.cases, put, () => writer.splat(expression.otherwise));
        return;
      default:
        expression satisfies never;
    }
  }

  /**
   * Writes code twice: for where all conditions of some expressions hold, and for elsewhere. What is
   * tested for a case is tested once.
   */
  assuming(expressions: readonly Expression[], body: () => void): void {
    const writer = this.#writer;
    const cases = expressions
      .flatMap(allParts)
      .flatMap((part) => (part.kind === "when" ? part.cases : []))
      .map(({ conditions }) => conditions.filter(({ at }) => !this.#isAlong(at)))
      .filter((conditions) => conditions.length > 0);
    for (const conditions of cases) {
      const key = JSON.stringify(conditions);
      if (this.#tested.has(key)) continue;
      const tested = writer.integer();
      this.#test(conditions);
      writer.set(tested);
      this.#tested.set(key, tested);
    }
    const [first, ...others] = this.#tested.values();
    if (first === undefined) {
      body();
      return;
    }
    writer.get(first);
    for (const other of others) writer.get(other).andScalars();
    const assumed = (): void => {
      this.#allHold = true;
      body();
      this.#allHold = false;
    };
    writer.runEither(assumed, body);
    this.#tested.clear();
  }

  /** Runs code with loads in variables: each once, not whenever it is read. */
  holding(loads: readonly Load[], count: number, body: () => void): void {
    const writer = this.#writer;
    const known: string[] = [];
    for (const load of loads) {
      const key = keyOf(load);
      if (this.#held.has(key)) continue;
      const vectors = timesOf(load.at, this.#axis) === 0 ? 1 : count;
      const locals = Array.from({ length: vectors }, (_, v) => {
        const local = writer.vector();
        this.#load(load, v, LANES);
        writer.set(local);
        return local;
      });
      this.#held.set(key, locals);
      known.push(key);
    }
    body();
    for (const key of known) this.#held.delete(key);
  }

  /** Runs code where conditions hold. */
  runWhen(conditions: readonly Condition[], body: () => void): void {
    const dynamic = this.#undecided(conditions);
    if (dynamic === "never") return;
    if (dynamic.length === 0) {
      body();
      return;
    }
    this.#test(dynamic);
    this.#writer.runIf(body);
  }

  /** The first case that holds: those before it take a test where the place does not decide. */
  #firstOf(
    [first, ...others]: readonly Case[],
    put: (part: Expression) => () => void,
    otherwise: () => void,
  ): void {
    if (!first) {
      otherwise();
      return;
    }
    const next = (): void => this.#firstOf(others, put, otherwise);
    const dynamic = this.#undecided(first.conditions);
    if (dynamic === "never") {
      next();
    } else if (dynamic.length === 0) {
      put(first.gives)();
    } else {
      this.#test(dynamic);
      this.#writer.vectorIf(put(first.gives), next);
    }
  }

  /** Conditions that the place along the vector axis does not decide. */
  #undecided(conditions: readonly Condition[]): readonly Condition[] | "never" {
    const along = conditions.filter(({ at }) => this.#isAlong(at));
    if (!along.every((condition) => holdsAt(condition, this.#axis, this.#place))) return "never";
    if (this.#allHold) return [];
    return conditions.filter((condition) => !along.includes(condition));
  }

  /** Whether an index depends on no other axis. */
  #isAlong(at: IndexForm): boolean {
    return dependsOn(at, this.#axis) || lastAxis(at) < 0;
  }

  #test(conditions: readonly Condition[]): void {
    const writer = this.#writer;
    const tested = this.#tested.get(JSON.stringify(conditions));
    if (tested !== undefined) {
      writer.get(tested);
      return;
    }
    conditions.forEach(({ at, from, before }, i) => {
      writer
        .get(this.#indices.value(shifted(at, from)))
        .constant(before - from)
        .isBelow();
      if (i > 0) writer.andScalars();
    });
  }

  #load({ from, at }: Load, v: number, lanes: number): void {
    const writer = this.#writer;
    const held = this.#held.get(keyOf({ from, at }));
    if (held) {
      writer.get(held[v] ?? held[0]!);
      return;
    }
    const address = this.#indices.value(at, this.#reads[from]!);
    const pitch = timesOf(at, this.#axis) * FLOAT_BYTES;
    if (pitch < 0) throw new Error("loops go forward along their last axis");
    if (pitch === 0) writer.loadSplat(address, 0);
    else if (pitch === FLOAT_BYTES) writer.loadVector(address, v * LANES * pitch);
    else writer.loadStrided(address, v * LANES * pitch, pitch, lanes);
  }

  #number(at: IndexForm, v: number): void {
    const writer = this.#writer;
    writer.splatNumber(this.#indices.value(at));
    const times = timesOf(at, this.#axis);
    if (times === 0) return;
    const first = v * LANES;
    const lanes = [first, first + 1, first + 2, first + 3].map((lane) => lane * times);
    writer.lanes(lanes as [number, number, number, number]).addFloats();
  }
}

function keyOf({ from, at }: Pick<Load, "from" | "at">): string {
  return `${from} ${JSON.stringify(at)}`;
}

/** An index counted from another beginning. */
function shifted(at: IndexForm, from: number): IndexForm {
  return { ...at, constant: at.constant - from };
}
