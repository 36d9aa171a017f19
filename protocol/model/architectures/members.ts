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
