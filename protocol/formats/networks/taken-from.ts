import type { Finding } from "../finding.ts";
import { listed } from "../listed.ts";

/**
 * Where in a file the weights were found, and what else is there that may be a network.
 *
 * @param chosen, others for people
 */
export function takenFrom(chosen: string, others: readonly string[], where: string): Finding {
  if (others.length === 0) {
    return {
      rule: "state-dict-found",
      level: "note",
      message: `the weights are taken from ${chosen}; all else in the file is left as it is`,
      where,
    };
  }
  return {
    rule: "several-state-dicts",
    level: "warning",
    message: `the weights are taken from ${chosen}; ${listed(others)} hold others and are left as they are: the setting network.prefix (--network-prefix) says which is meant`,
    where,
  };
}
