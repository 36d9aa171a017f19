import type { LoopsKernel } from "../../../../client/engine/program/kernels/loops.ts";
import type { Condition, Expression } from "../../../../client/engine/program/loops/expression.ts";
import type { IndexForm } from "../../../../client/engine/program/loops/index-form.ts";

/** What loops mean: place by place, term by term, in float64. */
export function interpretLoops(
  { extents, reduction, value, accumulates }: LoopsKernel,
  reads: readonly ArrayLike<number>[],
  present: ArrayLike<number>,
): Float64Array {
  return Float64Array.from(placesOf(extents), (place, index) => {
    const start = accumulates ? present[index]! : undefined;
    const reduced = reduction && reduce(reduction, place, reads, start);
    return evaluate(value, place, reads, reduced);
  });
}

function reduce(
  { extents, by, of }: NonNullable<LoopsKernel["reduction"]>,
  place: readonly number[],
  reads: readonly ArrayLike<number>[],
  start = 0,
): number {
  const terms = placesOf(extents).map((inner) => evaluate(of, [...place, ...inner], reads));
  switch (by) {
    case "sum":
      return terms.reduce((sum, term) => sum + term, start);
    case "max":
      return Math.max(...terms);
    case "arg-max":
      return terms.indexOf(Math.max(...terms));
    default:
      return by satisfies never;
  }
}

function evaluate(
  expression: Expression,
  place: readonly number[],
  reads: readonly ArrayLike<number>[],
  reduced?: number,
): number {
  const of = (part: Expression): number => evaluate(part, place, reads, reduced);
  switch (expression.kind) {
    case "load": {
      const value = reads[expression.from]![indexOf(expression.at, place)];
      if (value === undefined) throw new Error("a load leaves its tensor");
      return value;
    }
    case "constant":
      return expression.value;
    case "index":
      return indexOf(expression.at, place);
    case "reduced":
      return reduced!;
    case "add":
      return of(expression.a) + of(expression.b);
    case "subtract":
      return of(expression.a) - of(expression.b);
    case "multiply":
      return of(expression.a) * of(expression.b);
    case "divide":
      return of(expression.a) / of(expression.b);
    case "maximum":
      return Math.max(of(expression.a), of(expression.b));
    case "minimum":
      return Math.min(of(expression.a), of(expression.b));
    case "exp":
      return Math.exp(of(expression.of));
    case "sqrt":
      return Math.sqrt(of(expression.of));
    case "activation":
      if (expression.activation !== "relu") throw new Error("only rectifiers are interpreted");
      return Math.max(0, of(expression.of));
    case "multiply-add":
      return of(expression.a) * of(expression.b) + of(expression.c);
    case "select": {
      const { test, a, b, gives, otherwise } = expression;
      const isSo = test === "equal" ? of(a) === of(b) : of(a) > of(b);
      return of(isSo ? gives : otherwise);
    }
    case "when": {
      const holding = expression.cases.find(({ conditions }) =>
        conditions.every((condition) => holds(condition, place)),
      );
      return holding ? of(holding.gives) : expression.otherwise;
    }
    default:
      return expression satisfies never;
  }
}

function holds({ at, from, before }: Condition, place: readonly number[]): boolean {
  const index = indexOf(at, place);
  return index >= from && index < before;
}

function indexOf({ constant, axes, quotients }: IndexForm, place: readonly number[]): number {
  const along = axes.map(({ axis, times }) => place[axis]! * times);
  const divided = quotients.map(({ of, by, times }) => Math.floor(indexOf(of, place) / by) * times);
  return [...along, ...divided].reduce((sum, term) => sum + term, constant);
}

/** All places of some extents, row-major. */
function placesOf(extents: readonly number[]): number[][] {
  return extents.reduce<number[][]>(
    (places, extent) =>
      places.flatMap((place) => Array.from({ length: extent }, (_, i) => [...place, i])),
    [[]],
  );
}
