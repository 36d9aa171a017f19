import type { LayoutEntry, StateLayout } from "../../../protocol/model/state-layout.ts";

/** The weights `[out, in]` of a model's linear layers. */
export function headEntries({ entries }: StateLayout): readonly LayoutEntry[] {
  return entries.filter(({ role }) => role === "linear-weight");
}
