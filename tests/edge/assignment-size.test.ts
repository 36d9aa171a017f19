import { reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import type { CampaignConfigInput } from "../../protocol/round/campaign-config.ts";
import type { ParticipantReport } from "../../protocol/round/reports.ts";
import {
  act,
  ADMIN,
  ask,
  config,
  createCampaign,
  expectProblem,
  passDeadline,
  report,
  rounds,
  runningCampaign,
  send,
  sql,
  stopClock,
  type Volunteer,
} from "./coordinator.ts";
import { updateOf } from "./what-is-sent.ts";
import { tinyModel } from "./tiny-model.ts";

afterEach(() => reset());

/** Ten steps of 4 images in 100 s: at v images/s there is time for 15·v of them. */
const TEN_STEPS: Partial<CampaignConfigInput> = {
  distillation: { rounds: 2, localSteps: 10, batchSize: 4 },
  round: { goal: 2, overSelection: 2, deadlineSeconds: 100 },
};

function participants(id: string): Promise<ParticipantReport[]> {
  return ask(`/api/v1/admin/campaigns/${id}/participants`, { token: ADMIN });
}

describe("an assignment is sized to the deadline", () => {
  it("[R12.2] by the speed reported; without a report it is the campaign's own", async () => {
    const { volunteers } = await runningCampaign(3, TEN_STEPS);
    const [slow, fast, silent] = volunteers as [Volunteer, Volunteer, Volunteer];
    expect(await slow.assignment({ imagesPerSecond: 0.3 })).toMatchObject({ localSteps: 4 });
    expect(await fast.assignment({ imagesPerSecond: 1e7 })).toMatchObject({
      localSteps: 10,
      startStep: 0,
      totalSteps: 20,
    });
    expect(await silent.assignment()).toMatchObject({ localSteps: 10 });
  });

  it("[R12.1] and stays as it was assigned, whatever is reported when asked again", async () => {
    const { id, volunteers } = await runningCampaign(1, TEN_STEPS);
    const [volunteer] = volunteers as [Volunteer];
    const first = await volunteer.assignment({ imagesPerSecond: 0.4 });
    expect(first.localSteps).toBe(6);
    expect(await volunteer.assignment({ imagesPerSecond: 100 })).toEqual(first);
    expect(await volunteer.assignment({ imagesPerSecond: 0.001 })).toEqual(first);
    await passDeadline(id);
    const next = await volunteer.assignment({ imagesPerSecond: 0.2 });
    expect(next).toMatchObject({ attempt: 1, localSteps: 3, startStep: 0 });
  });

  it("[R12.1] an assignment of a version before this rule is the campaign's own", async () => {
    const { id, volunteers } = await runningCampaign(1, TEN_STEPS);
    await volunteers[0]!.assignment({ imagesPerSecond: 0.4 });
    await sql(id, "UPDATE leases SET local_steps = NULL");
    expect(await volunteers[0]!.assignment()).toMatchObject({ localSteps: 10 });
  });

  it("[R12] by what is left of it for one who comes later", async () => {
    const { id, volunteers } = await runningCampaign(3, TEN_STEPS);
    const [first, later, last] = volunteers as [Volunteer, Volunteer, Volunteer];
    const now = stopClock();
    expect((await first.assignment({ imagesPerSecond: 0.5 })).localSteps).toBe(7);
    await sql(id, "UPDATE attempts SET deadline = ?", now + 60_000);
    expect((await later.assignment({ imagesPerSecond: 0.5 })).localSteps).toBe(4);
    await sql(id, "UPDATE attempts SET deadline = ?", now + 20_000);
    expect(await last.checkIn({ imagesPerSecond: 0.5 })).toMatchObject({
      kind: "wait",
      reason: "too-late",
      round: 0,
    });
    expect((await report(id)).current).toMatchObject({ assigned: 2 });
  });

  it("[R12.2] not where participants send gradients", async () => {
    const { volunteers } = await runningCampaign(1, {
      ...TEN_STEPS,
      distillation: { rounds: 2, localSteps: 1, batchSize: 4 },
    });
    const assigned = await volunteers[0]!.assignment({ imagesPerSecond: 1e-6 });
    expect(assigned).toMatchObject({ localSteps: 1, totalSteps: 2 });
  });

  it("[R13] one who is too slow for any round is told so, with numbers, and takes no place", async () => {
    const { id, volunteers } = await runningCampaign(1, TEN_STEPS);
    const reply = await volunteers[0]!.checkIn({ imagesPerSecond: 0.1 });
    expect(reply).toMatchObject({
      kind: "too-slow",
      round: 0,
      imagesPerSecond: 0.1,
      neededImagesPerSecond: 0.14,
      detail: expect.stringMatching(/0\.1 images a second.*100 seconds.*at least 0\.14/),
    });
    expect((await report(id)).current).toMatchObject({ state: "open", assigned: 0 });
    expect((await participants(id))[0]).toMatchObject({ imagesPerSecond: 0.1 });
    expect(await volunteers[0]!.assignment({ imagesPerSecond: 0.14 })).toMatchObject({
      localSteps: 2,
    });
  });

  it("[R7] an update weighs no more than its assignment's images", async () => {
    const { id, volunteers } = await runningCampaign(1, {
      ...TEN_STEPS,
      aggregation: { exampleCap: 1000 },
    });
    const [volunteer] = volunteers as [Volunteer];
    await volunteer.assignment({ imagesPerSecond: 0.3 });
    const verdict = await volunteer.contribute(updateOf(volunteer.view, 1), { examples: 40 });
    expect(verdict).toMatchObject({ verdict: "accepted", weight: 16 });
    expect((await rounds(id))[0]).toMatchObject({ examples: 16 });
  });
});

describe("what a check-in reports", () => {
  it("[R11] is shown to the administrator, the last of it", async () => {
    const { id, volunteers } = await runningCampaign(1, TEN_STEPS);
    const [volunteer] = volunteers as [Volunteer];
    expect((await participants(id))[0]).toMatchObject({ backend: null, imagesPerSecond: null });
    await act(id, "pause");
    await volunteer.checkIn({ imagesPerSecond: 12.5, backend: "toaster (wasm)" });
    const said = { backend: "toaster (wasm)", imagesPerSecond: 12.5 };
    expect((await participants(id))[0]).toMatchObject(said);
    await volunteer.checkIn();
    expect((await participants(id))[0]).toMatchObject(said);
    await volunteer.checkIn({ imagesPerSecond: 2000 });
    expect((await participants(id))[0]).toMatchObject({ ...said, imagesPerSecond: 2000 });
  });

  it.each([
    ["zero", '{"imagesPerSecond":0}'],
    ["negative", '{"imagesPerSecond":-3}'],
    ["no number", '{"imagesPerSecond":NaN}'],
    ["null", '{"imagesPerSecond":null}'],
    ["text", '{"imagesPerSecond":"12"}'],
    ["infinite", '{"imagesPerSecond":1e999}'],
    ["absurd", '{"imagesPerSecond":10000001}'],
    ["misspelt", '{"imagesPerSec":12}'],
    ["endless", JSON.stringify({ backend: "x".repeat(201) })],
  ])("[R11] is refused when it is %s", async (_, body) => {
    const { id, volunteers } = await runningCampaign(1, TEN_STEPS);
    const response = await send("/api/v1/check-in", {
      method: "POST",
      token: volunteers[0]!.credential,
      body,
      headers: { "Content-Type": "application/json" },
    });
    await expectProblem(response, 400, "malformed-request");
    expect((await report(id)).current).toMatchObject({ assigned: 0 });
    expect((await participants(id))[0]).toMatchObject({ imagesPerSecond: null });
  });
});

describe("norm groups", () => {
  it("[D7.2] are filled in and shown to everybody", async () => {
    const { config: whole } = await createCampaign();
    expect(whole.distillation).toMatchObject({ batchSize: 4, normGroupSize: 4 });
    const { volunteers } = await runningCampaign(1, {
      distillation: { rounds: 2, localSteps: 2, batchSize: 4, normGroupSize: 2 },
    });
    expect(volunteers[0]!.view.config.distillation.normGroupSize).toBe(2);
  });

  it.each([1, 3, 8])("[D7.2] of %i images in a batch of 4 are refused", async (normGroupSize) => {
    const distillation = { rounds: 2, localSteps: 2, batchSize: 4, normGroupSize };
    const problem = await expectProblem(
      await send("/api/v1/admin/campaigns", {
        method: "POST",
        token: ADMIN,
        json: config(tinyModel(), { distillation }),
      }),
      400,
      "malformed-request",
    );
    expect(problem["detail"]).toContain("distillation.normGroupSize");
  });
});
