import type { Gram } from "./gram.ts";

/**
 * Whom FLAME keeps (Nguyen et al. 2022): the cluster that more than half of the vectors form by cosine
 * distance. The source takes HDBSCAN with a least cluster of ⌊n/2⌋ + 1 and one sample; no two such clusters
 * can be, so that comes down to joining the nearest, pair by pair, until a component has as many.
 *
 * @returns indices, ascending
 */
export function flameSelection(gram: Gram): number[] {
  const count = gram.length;
  const least = Math.floor(count / 2) + 1;
  const pairs: { readonly i: number; readonly j: number; readonly distance: number }[] = [];
  for (let i = 0; i < count; i++) {
    for (let j = i + 1; j < count; j++) pairs.push({ i, j, distance: cosineDistance(gram, i, j) });
  }
  pairs.sort((a, b) => a.distance - b.distance || a.i - b.i || a.j - b.j);
  const component = gram.map((_, i) => i);
  const members = new Map(component.map((i) => [i, [i]]));
  for (let p = 0; p < pairs.length;) {
    // What is equally near joins at once: which of them comes first must not decide.
    const { distance } = pairs[p]!;
    for (; p < pairs.length && pairs[p]!.distance === distance; p++) {
      const a = component[pairs[p]!.i]!;
      const b = component[pairs[p]!.j]!;
      if (a === b) continue;
      for (const member of members.get(b)!) component[member] = a;
      members.set(a, [...members.get(a)!, ...members.get(b)!]);
      members.delete(b);
    }
    for (const found of members.values()) {
      if (found.length >= least) return found.sort((a, b) => a - b);
    }
  }
  return component.map((_, i) => i);
}

/** 1 − cos; a zero vector points nowhere and is as far from all others as one at a right angle. */
function cosineDistance(gram: Gram, i: number, j: number): number {
  const scale = Math.sqrt(gram[i]![i]! * gram[j]![j]!);
  return scale === 0 ? 1 : 1 - gram[i]![j]! / scale;
}
