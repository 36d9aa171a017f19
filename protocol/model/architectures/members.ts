/** A member of a family that its number of blocks a stage tells from others. */
export interface Member {
  /** As `Graph.architecture` begins. */
  readonly name: string;
  readonly blocks: readonly number[];
}

/** The member with the least blocks too many or too few; of several, the first. */
export function nearestMember(members: readonly Member[], found: readonly number[]): Member {
  const distance = ({ blocks }: Member): number =>
    Math.max(blocks.length, found.length) -
    Math.min(blocks.length, found.length) +
    blocks.reduce((sum, count, stage) => sum + Math.abs(count - (found[stage] ?? 0)), 0);
  return members.reduce((best, one) => (distance(one) < distance(best) ? one : best));
}

function total(counts: readonly number[]): number {
  return counts.reduce((all, count) => all + count, 0);
}

/**
 * What was found instead of a member, for people; undefined where it is one.
 *
 * @example
 * unlike(resnet34, BASIC, [3, 4, 8, 3]); // "its stages have 3-4-8-3 blocks: deeper than any that is known (…)"
 */
export function unlike(
  { blocks, name }: Member,
  members: readonly Member[],
  found: readonly number[],
): string | undefined {
  if (found.every((count, stage) => count === (blocks[stage] ?? 0))) return undefined;
  const known = members.map((one) => `${one.name} ${one.blocks.join("-")}`).join(", ");
  const isDeeper = members.every((one) => total(one.blocks) < total(found));
  const how = isDeeper ? "deeper than any that is known" : `unlike ${name} and any other`;
  return `its stages have ${found.join("-")} blocks: ${how} (${known})`;
}
