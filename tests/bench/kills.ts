/**
 * `npm run bench:kills`: campaigns of three participants with fixed updates, while coordinator and
 * Workers runtime are killed outright at random moments. Every campaign must end with the students
 * of an undisturbed one, bit for bit, and each update counted once. Options: --kills N, --seed S.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { freePort, startCoordinatorProcess } from "./doors/coordinator-process.ts";
import { fixedCampaign } from "./doors/fixed-campaign.ts";
import { joinedCampaign } from "./doors/joined-campaign.ts";
import { Killer } from "./doors/killer.ts";

const { values: options } = parseArgs({
  options: {
    kills: { type: "string", default: "40" },
    seed: { type: "string", default: "1" },
  },
});
const kills = Number(options.kills);
/** Most in one campaign: several get to their end. */
const KILLS_A_CAMPAIGN = 10;
const stateDir = await mkdtemp(join(tmpdir(), "scour-kills-"));
const killer = new Killer(
  await startCoordinatorProcess({ stateDir, port: await freePort() }),
  options.seed,
);
const begin = performance.now();
const elapsed = (): string => `${((performance.now() - begin) / 1000).toFixed(0)} s`;
let isGood = true;
try {
  const undisturbed = await fixedCampaign(killer.coordinator, () => Promise.resolve());
  console.log(`undisturbed: ${undisturbed.state} after ${elapsed()}`);
  const joined = await joinedCampaign(killer.coordinator, (over) =>
    killer.rage(Math.min(kills, KILLS_A_CAMPAIGN), over),
  );
  console.log(`three \`scour join\`, ${killer.total} kills: ${joined.text}, ${elapsed()}`);
  isGood &&= joined.isGood;
  while (killer.total < kills) {
    const before = killer.total;
    const most = Math.min(kills, before + KILLS_A_CAMPAIGN);
    const outcome = await fixedCampaign(killer.coordinator, (over) => killer.rage(most, over));
    const isEqual = isDeepStrictEqual(outcome, undisturbed);
    isGood &&= isEqual;
    console.log(
      `fixed updates, ${killer.total - before} kills: ${isEqual ? "equal to the undisturbed" : "OTHER"}, ${elapsed()}`,
    );
    if (!isEqual) console.log(JSON.stringify({ undisturbed, outcome }, null, 2));
  }
  const { serve, workerd } = killer.kills;
  console.log(
    `${serve} kills of serve, ${workerd} of workerd alone; ${isGood ? "all good" : "FAILED"}`,
  );
} finally {
  await killer.coordinator.stop();
  await rm(stateDir, { recursive: true, force: true, maxRetries: 10 });
}
process.exitCode = isGood ? 0 : 1;
