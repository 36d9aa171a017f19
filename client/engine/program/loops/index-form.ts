/**
 * A whole number that depends on where loops are: constants, multiples of axes, and quotients of
 * such numbers, rounded down. Axes are counted from the outermost.
 */
export interface IndexForm {
  readonly constant: number;
  /** Axes that have a part in it, ascending, none twice. */
  readonly axes: readonly AxisTerm[];
  readonly quotients: readonly QuotientTerm[];
}

interface AxisTerm {
  readonly axis: number;
  readonly times: number;
}

/** ⌊of / by⌋·times; `of` is never negative. */
interface QuotientTerm {
  readonly of: IndexForm;
  readonly by: number;
  readonly times: number;
}

export function axisIndex(axis: number): IndexForm {
  return { constant: 0, axes: [{ axis, times: 1 }], quotients: [] };
}

/** Of forms and constants. */
export function sumOf(...terms: readonly (IndexForm | number)[]): IndexForm {
  const factors = new Map<number, number>();
  const quotients: QuotientTerm[] = [];
  let constant = 0;
  for (const term of terms) {
    if (typeof term === "number") {
      constant += term;
      continue;
    }
    constant += term.constant;
    for (const { axis, times } of term.axes) factors.set(axis, (factors.get(axis) ?? 0) + times);
    quotients.push(...term.quotients);
  }
  const axes = [...factors]
    .filter(([, times]) => times !== 0)
    .toSorted(([a], [b]) => a - b)
    .map(([axis, times]) => ({ axis, times }));
  return { constant, axes, quotients };
}

export function multipleOf(form: IndexForm, factor: number): IndexForm {
  if (factor === 0) return sumOf(0);
  return {
    constant: form.constant * factor,
    axes: form.axes.map(({ axis, times }) => ({ axis, times: times * factor })),
    quotients: form.quotients.map((quotient) => ({ ...quotient, times: quotient.times * factor })),
  };
}

/** ⌊form / by⌋, of a form that is never negative. */
export function quotientOf(form: IndexForm, by: number): IndexForm {
  if (by === 1) return form;
  if (lastAxis(form) < 0) return sumOf(Math.floor(form.constant / by));
  return { constant: 0, axes: [], quotients: [{ of: form, by, times: 1 }] };
}

/** The form where an axis is at another form, or a number. */
export function placedAt(form: IndexForm, axis: number, place: IndexForm | number): IndexForm {
  const by = sumOf(place);
  const others = { ...form, axes: form.axes.filter((term) => term.axis !== axis), quotients: [] };
  const quotients = form.quotients.map((quotient) =>
    multipleOf(quotientOf(placedAt(quotient.of, axis, by), quotient.by), quotient.times),
  );
  return sumOf(others, multipleOf(by, timesOf(form, axis)), ...quotients);
}

/** How much the form grows with an axis, quotients aside. */
export function timesOf({ axes }: IndexForm, axis: number): number {
  return axes.find((term) => term.axis === axis)?.times ?? 0;
}

/** Whether a quotient in the form depends on an axis. */
export function dividesAxis({ quotients }: IndexForm, axis: number): boolean {
  return quotients.some(({ of }) => lastAxis(of) >= axis && dependsOn(of, axis));
}

export function dependsOn(form: IndexForm, axis: number): boolean {
  return timesOf(form, axis) !== 0 || form.quotients.some(({ of }) => dependsOn(of, axis));
}

/** The innermost axis that the form depends on; −1: none. */
export function lastAxis({ axes, quotients }: IndexForm): number {
  return Math.max(-1, ...axes.map(({ axis }) => axis), ...quotients.map(({ of }) => lastAxis(of)));
}

/** Bounds of the form over all places of the axes: it never leaves them, and may not reach them. */
export function rangeOf(
  { constant, axes, quotients }: IndexForm,
  extents: readonly number[],
): { readonly least: number; readonly most: number } {
  let least = constant;
  let most = constant;
  const add = (low: number, high: number, times: number): void => {
    least += Math.min(low * times, high * times);
    most += Math.max(low * times, high * times);
  };
  for (const { axis, times } of axes) add(0, extents[axis]! - 1, times);
  for (const { of, by, times } of quotients) {
    const range = rangeOf(of, extents);
    add(Math.floor(range.least / by), Math.floor(range.most / by), times);
  }
  return { least, most };
}
