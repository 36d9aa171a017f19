import type { Activation } from "../../../../protocol/model/graph.ts";
import type { IndexForm } from "./index-form.ts";

/** What loops compute of one place: a tree over loads, constants and where the loops are. */
export type Expression =
  /** Of the kernel's `reads`, the value at an index. */
  | { readonly kind: "load"; readonly from: number; readonly at: IndexForm }
  | { readonly kind: "constant"; readonly value: number }
  /** An index as a number. */
  | { readonly kind: "index"; readonly at: IndexForm }
  /** What a kernel's reduction gave. */
  | { readonly kind: "reduced" }
  | { readonly kind: BinaryKind; readonly a: Expression; readonly b: Expression }
  | { readonly kind: UnaryKind; readonly of: Expression }
  | { readonly kind: "activation"; readonly activation: Activation; readonly of: Expression }
  /** a·b + c, rounded once where the machine can. */
  | {
      readonly kind: "multiply-add";
      readonly a: Expression;
      readonly b: Expression;
      readonly c: Expression;
    }
  | {
      readonly kind: "select";
      readonly test: "equal" | "greater";
      readonly a: Expression;
      readonly b: Expression;
      readonly gives: Expression;
      readonly otherwise: Expression;
    }
  /** The first case that holds; nothing of the others is loaded. */
  | { readonly kind: "when"; readonly cases: readonly Case[]; readonly otherwise: number };

type BinaryKind = "add" | "subtract" | "multiply" | "divide" | "maximum" | "minimum";
type UnaryKind = "exp" | "sqrt";

/** What is so where all conditions hold. */
export interface Case {
  readonly conditions: readonly Condition[];
  readonly gives: Expression;
}

/** from ≤ at < before */
export interface Condition {
  readonly at: IndexForm;
  readonly from: number;
  readonly before: number;
}

/** The least number that float32 has: what is smaller than everything. */
export const LOWEST = -3.4028234663852886e38;

export function constant(value: number): Expression {
  return { kind: "constant", value };
}

export const REDUCED: Expression = { kind: "reduced" };

export function add(a: Expression, b: Expression): Expression {
  return { kind: "add", a, b };
}

export function multiply(a: Expression, b: Expression): Expression {
  return { kind: "multiply", a, b };
}

export function subtract(a: Expression, b: Expression): Expression {
  return { kind: "subtract", a, b };
}

export function maximum(a: Expression, b: Expression): Expression {
  return { kind: "maximum", a, b };
}

export function minimum(a: Expression, b: Expression): Expression {
  return { kind: "minimum", a, b };
}

export function exp(of: Expression): Expression {
  return { kind: "exp", of };
}

export function root(of: Expression): Expression {
  return { kind: "sqrt", of };
}

export function divide(a: Expression, b: Expression): Expression {
  return { kind: "divide", a, b };
}

/** `gives` where a = b, elsewhere 0. */
export function whereEqual(a: Expression, b: Expression, gives: Expression): Expression {
  return { kind: "select", test: "equal", a, b, gives, otherwise: constant(0) };
}

/** What is so where conditions hold, and elsewhere. */
export function when(
  conditions: readonly Condition[],
  gives: Expression,
  otherwise: number,
): Expression {
  return conditions.length === 0
    ? gives
    : { kind: "when", cases: [{ conditions, gives }], otherwise };
}

/** The first case that holds, where one always does. */
export function firstOf(...cases: readonly Case[]): Expression {
  return { kind: "when", cases, otherwise: 0 };
}

/** An index as a number. */
export function numberOf(at: IndexForm): Expression {
  return { kind: "index", at };
}

/** What an expression is made of. */
export function partsOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case "load":
    case "constant":
    case "index":
    case "reduced":
      return [];
    case "exp":
    case "sqrt":
    case "activation":
      return [expression.of];
    case "add":
    case "subtract":
    case "multiply":
    case "divide":
    case "maximum":
    case "minimum":
      return [expression.a, expression.b];
    case "multiply-add":
      return [expression.a, expression.b, expression.c];
    case "select":
      return [expression.a, expression.b, expression.gives, expression.otherwise];
    case "when":
      return expression.cases.map(({ gives }) => gives);
    default:
      return expression satisfies never;
  }
}

/** An expression with other indices. */
export function reindexed(
  expression: Expression,
  change: (at: IndexForm) => IndexForm,
): Expression {
  const of = (part: Expression): Expression => reindexed(part, change);
  switch (expression.kind) {
    case "load":
    case "index":
      return { ...expression, at: change(expression.at) };
    case "constant":
    case "reduced":
      return expression;
    case "exp":
    case "sqrt":
    case "activation":
      return { ...expression, of: of(expression.of) };
    case "add":
    case "subtract":
    case "multiply":
    case "divide":
    case "maximum":
    case "minimum":
      return { ...expression, a: of(expression.a), b: of(expression.b) };
    case "multiply-add":
      return { ...expression, a: of(expression.a), b: of(expression.b), c: of(expression.c) };
    case "select": {
      const { a, b, gives, otherwise } = expression;
      return { ...expression, a: of(a), b: of(b), gives: of(gives), otherwise: of(otherwise) };
    }
    case "when":
      return {
        ...expression,
        cases: expression.cases.map(({ conditions, gives }) => ({
          conditions: conditions.map((condition) => ({ ...condition, at: change(condition.at) })),
          gives: of(gives),
        })),
      };
    default:
      return expression satisfies never;
  }
}

/** What must be known to tell the cases of an expression apart. */
export function conditionsOf(expression: Expression): readonly Condition[] {
  return expression.kind === "when" ? expression.cases.flatMap(({ conditions }) => conditions) : [];
}

/** An expression and all it is made of. */
export function allParts(expression: Expression): Expression[] {
  return [expression, ...partsOf(expression).flatMap(allParts)];
}
