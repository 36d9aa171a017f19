import { rowMajor, type LoopsKernel, type Reduction } from "../../program/kernels/loops.ts";
import {
  LOWEST,
  type Case,
  type Condition,
  type Expression,
} from "../../program/loops/expression.ts";
import { axisIndex, timesOf, type IndexForm } from "../../program/loops/index-form.ts";
import { activated, scalarAt } from "./channels.ts";
import { float } from "./float-literal.ts";
import type { Tensor } from "./shader.ts";

/** Loops as WGSL: indices are `i32`, the place along axis n is `a<n>`. */

/** Statements: where a flat index of the output is along each axis. */
export function placeText(extents: readonly number[], flatIndex: string): string {
  let pitch = 1;
  const places = extents.toReversed().map((extent, i) => {
    const axis = extents.length - 1 - i;
    const along = pitch === 1 ? "place" : `place / ${pitch}`;
    pitch *= extent;
    return `let a${axis} = ${axis === 0 ? along : `(${along}) % ${extent}`};`;
  });
  return [`let place = i32(${flatIndex});`, ...places.toReversed()].join("\n");
}

/** An expression. */
export function indexText({ constant, axes, quotients }: IndexForm): string {
  const terms = [
    ...axes.map(({ axis, times }) => (times === 1 ? `a${axis}` : `a${axis} * ${times}`)),
    ...quotients.map(({ of, by, times }) => `(${indexText(of)}) / ${by} * ${times}`),
    ...(constant !== 0 || axes.length + quotients.length === 0 ? [`${constant}`] : []),
  ];
  return terms.join(" + ");
}

/** Whether an index, an axis in fours aside, is a multiple of four. */
export function isInFours({ constant, axes, quotients }: IndexForm, axis: number): boolean {
  const others = axes.filter((term) => term.axis !== axis);
  return constant % 4 === 0 && [...others, ...quotients].every(({ times }) => times % 4 === 0);
}

/** What loops compute at one place: a value, or four that follow each other along an axis. */
export class LoopShader {
  readonly #tensors: readonly Tensor[];
  readonly #quadAxis: number | undefined;
  readonly #type: "f32" | "vec4f";
  #statements: string[] = [];
  #variables = 0;

  /** @param quadAxis undefined: one value */
  constructor(tensors: readonly Tensor[], quadAxis: number | undefined) {
    this.#tensors = tensors;
    this.#quadAxis = quadAxis;
    this.#type = quadAxis === undefined ? "f32" : "vec4f";
  }

  /**
   * The value of a kernel, once its statements have run.
   *
   * @param present what the output holds
   */
  value(
    { extents, reduction, value, accumulates }: LoopsKernel,
    present: string,
  ): { readonly statements: readonly string[]; readonly value: string } {
    this.#statements = [];
    if (reduction) this.#reduce(extents.length, reduction, accumulates ? present : undefined);
    const text = this.#text(value, reduction?.by === "arg-max" ? "term" : "sum");
    return { statements: this.#statements, value: text };
  }

  #reduce(rank: number, { extents, by, of }: Reduction, start: string | undefined): void {
    const identity = by === "sum" ? 0 : LOWEST;
    this.#say(`var sum = ${start ?? this.#constant(identity)};`);
    if (by === "arg-max") this.#say(`var term = ${this.#constant(0)};`);
    const axes = extents.map((_, i) => rank + i);
    axes.forEach((axis, i) => {
      this.#say(`for (var a${axis} = 0; a${axis} < ${extents[i]}; a${axis}++) {`);
    });
    // Terms that change nothing are left out.
    const some = of.kind === "when" && of.cases.length === 1 && of.otherwise === identity;
    const { conditions, gives } = some ? (of.cases[0] as Case) : { conditions: [], gives: of };
    if (some) this.#say(`if (${conditionText(conditions)}) {`);
    const value = this.#text(gives, "");
    switch (by) {
      case "sum":
        this.#say(`sum += ${value};`);
        break;
      case "max":
        this.#say(`sum = max(sum, ${value});`);
        break;
      case "arg-max": {
        const index = indexText(rowMajor(extents, axes.map(axisIndex)));
        this.#say(`let value = ${value};`);
        this.#say(`term = select(term, ${this.#type}(f32(${index})), value > sum);`);
        this.#say("sum = select(sum, value, value > sum);");
        break;
      }
      default:
        by satisfies never;
    }
    this.#say("}".repeat(axes.length + Number(some)));
  }

  /** An expression, after the statements it needs. */
  #text(expression: Expression, reduced: string): string {
    const text = (part: Expression): string => this.#text(part, reduced);
    switch (expression.kind) {
      case "load":
        return this.#load(this.#tensors[expression.from]!, expression.at);
      case "constant":
        return this.#constant(expression.value);
      case "index":
        return this.#number(expression.at);
      case "reduced":
        return reduced;
      case "add":
        return `(${text(expression.a)} + ${text(expression.b)})`;
      case "subtract":
        return `(${text(expression.a)} - ${text(expression.b)})`;
      case "multiply":
        return `(${text(expression.a)} * ${text(expression.b)})`;
      case "divide":
        return `(${text(expression.a)} / ${text(expression.b)})`;
      case "maximum":
        return `max(${text(expression.a)}, ${text(expression.b)})`;
      case "minimum":
        return `min(${text(expression.a)}, ${text(expression.b)})`;
      case "exp":
        return `exp(${text(expression.of)})`;
      case "sqrt":
        return `sqrt(${text(expression.of)})`;
      case "activation": {
        const of = text(expression.of);
        // Activations are written for quads.
        if (this.#quadAxis === undefined) {
          return `${activated(expression.activation, `vec4f(${of})`)}.x`;
        }
        return activated(expression.activation, of);
      }
      case "multiply-add":
        return `fma(${text(expression.a)}, ${text(expression.b)}, ${text(expression.c)})`;
      case "select": {
        const { test, a, b, gives, otherwise } = expression;
        const holds = `${text(a)} ${test === "equal" ? "==" : ">"} ${text(b)}`;
        return `select(${text(otherwise)}, ${text(gives)}, ${holds})`;
      }
      case "when": {
        const name = `when_${this.#variables++}`;
        this.#say(`var ${name} = ${this.#constant(expression.otherwise)};`);
        expression.cases.forEach(({ conditions, gives }) => {
          this.#say(`if (${conditionText(conditions)}) {`);
          this.#say(`${name} = ${text(gives)};`);
          this.#say("} else {");
        });
        this.#say("}".repeat(expression.cases.length));
        return name;
      }
      default:
        return expression satisfies never;
    }
  }

  #say(statement: string): void {
    this.#statements.push(statement);
  }

  #constant(value: number): string {
    return `${this.#type}(${float(value)})`;
  }

  #load(tensor: Tensor, at: IndexForm): string {
    const { memory, base, width } = tensor;
    const scalar = (index: IndexForm): string => scalarAt(tensor, `u32(${indexText(index)})`);
    const axis = this.#quadAxis;
    if (axis === undefined) return scalar(at);
    if (timesOf(at, axis) === 0) return `vec4f(${scalar(at)})`;
    if (width === 4 && isInFours(at, axis)) {
      const vector = `${memory}[${base} + (u32(${indexText(at)}) >> 2u)]`;
      return memory === "halves" ? `widen(${vector})` : vector;
    }
    const lanes = [0, 1, 2, 3].map((lane) => scalar({ ...at, constant: at.constant + lane }));
    return `vec4f(${lanes.join(", ")})`;
  }

  #number(at: IndexForm): string {
    const number = `f32(${indexText(at)})`;
    if (this.#quadAxis === undefined) return number;
    const times = timesOf(at, this.#quadAxis);
    return times === 0
      ? `vec4f(${number})`
      : `(${number} + ${float(times)} * vec4f(0.0, 1.0, 2.0, 3.0))`;
  }
}

function conditionText(conditions: readonly Condition[]): string {
  return conditions
    .map(({ at, from, before }) => {
      const index = indexText(at);
      return `${index} >= ${from} && ${index} < ${before}`;
    })
    .join(" && ");
}
