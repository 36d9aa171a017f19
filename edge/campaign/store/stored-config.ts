import { ProtocolError } from "../../../protocol/errors.ts";
import type { CampaignConfig } from "../../../protocol/round/campaign-config.ts";
import { CONFIG_UPGRADES, type StoredConfig } from "./config-upgrades.ts";

/** Version of the configurations that are stored now. */
export const CONFIG_VERSION = CONFIG_UPGRADES.length;

/** Version of those from before it was kept with them. */
const UNVERSIONED = 0;

/**
 * A campaign's configuration as it is read back, upgraded from the version that wrote it. What was
 * written stays as it is: its digest is part of the commit chain (SPEC C1, R9).
 *
 * @param version that it was stored with; null before versions were kept.
 * @throws ProtocolError `stored-by-later-version` when this coordinator does not know the version.
 */
export function readConfig(
  written: unknown,
  version: number | null,
): {
  readonly config: CampaignConfig;
  /** Whether it was made before there were judging rounds. */
  readonly unjudged: boolean;
} {
  const from = version ?? UNVERSIONED;
  if (from > CONFIG_VERSION) {
    throw new ProtocolError(
      "stored-by-later-version",
      `this campaign's configuration has version ${from}, this coordinator knows ${CONFIG_VERSION} at most: ` +
        "start the version of Scour that made it, or a later one",
    );
  }
  const stored = written as StoredConfig;
  const config = CONFIG_UPGRADES.slice(from).reduce((last, upgrade) => upgrade(last), stored);
  return { config: config as unknown as CampaignConfig, unjudged: stored.judging === undefined };
}
