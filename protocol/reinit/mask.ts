import { depthStages, type DepthStage } from "../model/depth-stages.ts";
import type { Graph } from "../model/graph.ts";
import type { StateLayout } from "../model/state-layout.ts";
import { forEachReinitialised, type ReinitPlan } from "./reinitialise.ts";
import { isReinitialised } from "./strategy.ts";

/**
 * The re-initialisation mask as a bitset over the state vector: bit i is bit i mod 8, least
 * significant first, of byte ⌊i/8⌋; 1 = re-initialised (SPEC I6). Unused bits of the last byte are 0.
 *
 * @param seed 32 bytes
 */
export function reinitMask(
  layout: StateLayout,
  plan: ReinitPlan,
  seed: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const mask = new Uint8Array(Math.ceil(layout.length / 8));
  forEachReinitialised(layout, plan, seed, 0, layout.length, (index) => {
    setMasked(mask, index);
  });
  return mask;
}

/** Sets a bit of the mask. */
export function setMasked(mask: Uint8Array, index: number): void {
  mask[index >>> 3]! |= 1 << (index & 7);
}

export function isMasked(mask: Uint8Array, index: number): boolean {
  return (mask[index >>> 3]! & (1 << (index & 7))) !== 0;
}

/** Number of ones among bits [from, to) of the mask. */
function countMasked(mask: Uint8Array, from: number, to: number): number {
  let count = 0;
  for (let index = from; index < to; index++) if (isMasked(mask, index)) count++;
  return count;
}

/** Number of ones of a part of the mask, by tensor. */
export type MaskCounts = Map<string, number>;

/**
 * Adds a part of the mask, whose first bit is `offset` of the state vector, to what was counted before.
 */
export function addMaskCounts(
  counts: MaskCounts,
  layout: StateLayout,
  part: Uint8Array,
  offset: number,
): void {
  const end = Math.min(layout.length, offset + 8 * part.length);
  for (const entry of layout.entries) {
    const from = Math.max(offset, entry.offset);
    const to = Math.min(end, entry.offset + entry.size);
    if (from >= to) continue;
    const found = countMasked(part, from - offset, to - offset);
    counts.set(entry.name, (counts.get(entry.name) ?? 0) + found);
  }
}

/** How much of one depth stage the mask covers, over the values a strategy may touch. */
export interface StageShare {
  readonly stage: DepthStage;
  readonly values: number;
  readonly reinitialised: number;
}

/**
 * Shares by depth stage, shallowest first, head last; batch-norm tensors are not counted.
 *
 * @param counts of the whole mask
 */
export function stageShares(
  graph: Graph,
  layout: StateLayout,
  counts: ReadonlyMap<string, number>,
): readonly StageShare[] {
  const { byParameter, count } = depthStages(graph);
  const shares: StageShare[] = [];
  for (let rank = 1; rank <= count + 1; rank++) {
    const stage = rank > count ? "head" : rank;
    const entries = layout.entries.filter(
      ({ name, role }) => isReinitialised(role) && byParameter.get(name) === stage,
    );
    let values = 0;
    let reinitialised = 0;
    for (const { name, size } of entries) {
      values += size;
      reinitialised += counts.get(name) ?? 0;
    }
    shares.push({ stage, values, reinitialised });
  }
  return shares;
}
