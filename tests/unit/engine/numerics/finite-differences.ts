import { SeededValues } from "./seeded-values.ts";

/**
 * Directions that a gradient is looked at along. An error in any of its values shows in each of them,
 * and a function is computed two dozen times instead of four times a value.
 */
const DIRECTIONS = 6;

/** Derivatives of a function along some directions, as they were measured. */
export interface Slopes {
  readonly measured: Float64Array;
  /** What a gradient says they are. */
  of(gradient: ArrayLike<number>): Float64Array;
}

/**
 * Measures how f changes with x, which it changes and restores, by central differences: with each value
 * where they are few, else along random directions. What is measured is about as long as the gradient.
 *
 * @example
 * const { measured, of } = slopes(loss, weights);
 * expect(of(gradient)).toBeAllclose(measured, { l2: 1e-7 });
 */
export function slopes(f: () => number, x: Float64Array): Slopes {
  const directions = x.length <= DIRECTIONS ? axes(x.length) : randomDirections(x.length);
  const scale = Math.sqrt(x.length / directions.length);
  const here = x.slice();
  const slope = (direction: Float64Array, h: number): number => {
    const [above, below] = [h, -h].map((step) => {
      for (let i = 0; i < x.length; i++) x[i] = here[i]! + step * direction[i]!;
      return f();
    });
    x.set(here);
    return (above! - below!) / (2 * h);
  };
  return {
    // Richardson's extrapolation, free of the h² term.
    measured: Float64Array.from(
      directions,
      (direction) => (scale * (4 * slope(direction, 5e-5) - slope(direction, 1e-4))) / 3,
    ),
    of(gradient) {
      if (gradient.length !== x.length) {
        throw new RangeError(`a gradient of ${gradient.length} values by ${x.length}`);
      }
      return Float64Array.from(
        directions,
        (direction) => scale * direction.reduce((sum, part, i) => sum + part * gradient[i]!, 0),
      );
    },
  };
}

function axes(length: number): Float64Array[] {
  return Array.from({ length }, (_, axis) =>
    Float64Array.from({ length }, (__, i) => +(i === axis)),
  );
}

/** Of length 1. */
function randomDirections(length: number): Float64Array[] {
  const values = new SeededValues(length);
  return Array.from({ length: DIRECTIONS }, () => {
    const direction = Float64Array.from({ length }, () => values.normal());
    const norm = Math.hypot(...direction);
    return direction.map((part) => part / norm);
  });
}
