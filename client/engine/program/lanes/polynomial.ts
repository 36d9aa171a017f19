import type { LaneCode } from "./lane-code.ts";

/** Polynomials by Horner's rule, coefficients from the highest power to the constant. */

export function polynomial(coefficients: readonly number[], x: number): number {
  return coefficients.reduce((sum, coefficient) => sum * x + coefficient, 0);
}

/** An expression of a `vec4f` x, which is put into it several times. */
export function polynomialText([first, ...rest]: readonly number[], x: string): string {
  return rest.reduce(
    (sum, coefficient) => `fma(${sum}, ${x}, vec4f(${coefficient}))`,
    `vec4f(${first})`,
  );
}

/** Puts the value at x on the stack. */
export function polynomialLanes(
  code: LaneCode,
  [first, ...rest]: readonly number[],
  x: () => void,
): void {
  code.splat(first!);
  for (const coefficient of rest) {
    code.multiplyAddTo(
      () => {
        // The sum so far lies on the stack.
      },
      x,
      () => code.splat(coefficient),
    );
  }
}
