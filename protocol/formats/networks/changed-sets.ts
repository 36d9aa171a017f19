import type { TensorSet } from "../model-file.ts";

/** The same sets, of which each opens as something else: what `change` makes of what it opened as. */
export function changedSets<From, To>(
  sets: readonly TensorSet<From>[],
  change: (opened: From) => To,
): TensorSet<To>[] {
  const before = new Map<TensorSet<To>, TensorSet<From>>();
  for (const set of sets) {
    const changed: TensorSet<To> = {
      ...set,
      open: (copies) =>
        change(set.open(async () => (await copies()).map((copy) => before.get(copy)!))),
    };
    before.set(changed, set);
  }
  return [...before.keys()];
}
