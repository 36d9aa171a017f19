import type { AdminClient } from "../../../client/admin/admin-client.ts";

/** Seconds since somebody asked decide these, not what was asked. */
const PASSING = new Set(["connected", "participantsConnected"]);

/** All that the administrator can see of a campaign, value by value, each under its path. */
export async function stateOf(admin: AdminClient, id: string): Promise<Map<string, unknown>> {
  const state = {
    campaign: await admin.campaign(id),
    rounds: await admin.rounds(id),
    participants: await admin.participants(id),
    invites: await admin.invites(id),
    metrics: await admin.metrics(id),
  };
  return new Map(leaves(state, ""));
}

function leaves(value: unknown, path: string): [string, unknown][] {
  if (typeof value !== "object" || value === null) return [[path, value]];
  return Object.entries(value)
    .filter(([key]) => !PASSING.has(key))
    .flatMap(([key, inner]) => leaves(inner, `${path}/${key}`));
}

/** What became other, as lines to read. */
export function differences(
  before: ReadonlyMap<string, unknown>,
  after: ReadonlyMap<string, unknown>,
): string[] {
  const paths = new Set([...before.keys(), ...after.keys()]);
  return [...paths]
    .filter((path) => before.get(path) !== after.get(path))
    .map((path) => `${path}: ${String(before.get(path))} → ${String(after.get(path))}`);
}
