import { afterAll, beforeAll, expect, it } from "vitest";
import { fixedCampaign } from "../bench/doors/fixed-campaign.ts";
import { Killer } from "../bench/doors/killer.ts";
import { startTestCoordinator, type TestCoordinator } from "./doors/test-coordinator.ts";

/** `npm run bench:kills` does the same with 40 kills, and with participants that train. */
const KILLS = 4;

let test: TestCoordinator;
let killer: Killer;

beforeAll(async () => {
  test = await startTestCoordinator();
  killer = new Killer(test.coordinator, "suite");
});

afterAll(async () => {
  await killer?.coordinator.stop();
  await test?.end();
});

it(`[R3] [R8] ${KILLS} kills at random moments: campaigns end with the bits of an undisturbed one, each update counted once`, async () => {
  const undisturbed = await fixedCampaign(killer.coordinator, () => Promise.resolve());
  expect(undisturbed).toMatchObject({ state: "finished", invitesUsed: 3 });
  while (killer.total < KILLS) {
    const outcome = await fixedCampaign(killer.coordinator, (over) => killer.rage(KILLS, over));
    expect(outcome).toEqual(undisturbed);
  }
});
