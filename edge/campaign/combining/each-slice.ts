import type { SliceShape } from "../../slice/slice-work.ts";
import type { Transact } from "../store/ledger.ts";
import type { CombiningPlan } from "./combining-plan.ts";
import { storedResults } from "./stored-results.ts";

/** Results of all slices in ascending order; undefined when the attempt stopped combining. */
export function eachSlice<T>(
  transact: Transact,
  plan: CombiningPlan,
  pass: string,
  slices: readonly SliceShape[],
  work: (slice: SliceShape) => Promise<T>,
): Promise<ReadonlyMap<number, T> | undefined> {
  const byIndex = new Map(slices.map((slice) => [slice.index, slice]));
  return storedResults(transact, plan, pass, [...byIndex.keys()], (index) =>
    work(byIndex.get(index)!),
  );
}
