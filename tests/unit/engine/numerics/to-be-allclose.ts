import { expect } from "vitest";

/** How near is near enough; every bound that is given must hold. */
export interface Closeness {
  /** Bound of ‖actual − expected‖₂ / max(‖expected‖₂, floor). */
  readonly l2?: number;
  /** Norm under which `l2` counts as absolute: what is zero but for rounding. 0 when left out. */
  readonly floor?: number;
  /** With `atol`: bound |actual − expected| ≤ atol + rtol·|expected| of every element. */
  readonly rtol?: number;
  readonly atol?: number;
}

type Numbers = ArrayLike<number> | number;

declare module "vitest" {
  interface Matchers<R> {
    /**
     * Holds when two lists of numbers (or two numbers) are close; NaN is close to nothing.
     *
     * @example
     * expect(gradient).toBeAllclose(reference, { l2: 1e-4 });
     * expect(values).toBeAllclose(reference, { rtol: 1e-5, atol: 1e-7 });
     */
    toBeAllclose(expected: Numbers, closeness: Closeness): R;
  }
}

interface Comparison {
  readonly pass: boolean;
  readonly message: string;
}

function list(values: Numbers): ArrayLike<number> {
  return typeof values === "number" ? [values] : values;
}

/** Compares two lists; the message names the worst element, its index and both values. */
export function allclose(actual: Numbers, expected: Numbers, closeness: Closeness): Comparison {
  const got = list(actual);
  const want = list(expected);
  const { l2, floor = 0, rtol = 0, atol = 0 } = closeness;
  const elementwise = closeness.rtol !== undefined || closeness.atol !== undefined;
  if (l2 === undefined && !elementwise) {
    throw new TypeError("toBeAllclose needs a bound: l2, rtol or atol");
  }
  if (got.length !== want.length) {
    return { pass: false, message: `${got.length} values, expected ${want.length}` };
  }
  let squaredError = 0;
  let squaredNorm = 0;
  let worst = 0;
  let worstExcess = -Infinity;
  let over = 0;
  for (let i = 0; i < want.length; i++) {
    const difference = got[i]! - want[i]!;
    const error = Number.isNaN(difference) ? Infinity : Math.abs(difference);
    const excess = error - (atol + rtol * Math.abs(want[i]!));
    if (excess > 0) over++;
    if (excess > worstExcess) {
      worst = i;
      worstExcess = excess;
    }
    squaredError += error * error;
    squaredNorm += want[i]! * want[i]!;
  }
  const relative =
    squaredError === 0 ? 0 : Math.sqrt(squaredError) / Math.max(Math.sqrt(squaredNorm), floor);
  const faults: string[] = [];
  if (l2 !== undefined && !(relative <= l2)) {
    faults.push(`relative L2 error ${relative.toExponential(2)}, allowed ${l2}`);
  }
  if (elementwise && over > 0) {
    faults.push(`${over} of ${want.length} elements beyond ${atol} + ${rtol}·|expected|`);
  }
  const worstElement =
    want.length === 0
      ? "both are empty"
      : `worst element [${worst}]: ${got[worst]}, expected ${want[worst]}`;
  if (faults.length > 0) return { pass: false, message: `${faults.join("; ")}; ${worstElement}` };
  return {
    pass: true,
    message: `expected the lists to differ: relative L2 error ${relative.toExponential(2)}; ${worstElement}`,
  };
}

expect.extend({
  toBeAllclose(actual: Numbers, expected: Numbers, closeness: Closeness) {
    const { pass, message } = allclose(actual, expected, closeness);
    return { pass, message: () => message };
  },
});
