import { describe, expect, it } from "vitest";
import { Participant } from "../../../client/participant/participant.ts";
import { requirePrivateWork } from "../../../client/participant/private-terms.ts";
import type { Voucher } from "../../../client/participant/sealer.ts";
import { memoryIdentityStore } from "../../../client/participant/wire/identity.ts";
import { makeSigningKey, signBytes } from "../../../client/participant/wire/signing-key.ts";
import { ProtocolError } from "../../../protocol/errors.ts";
import { vouchBytes } from "../../../protocol/privacy/identities/organisation.ts";
import type { Assignment, CheckInReply } from "../../../protocol/round/assignment.ts";
import type { CampaignConfigInput } from "../../../protocol/round/campaign-config.ts";
import { configOf } from "../protocol/round/config-of.ts";
import { FakeCoordinator, INVITE, problem } from "./fake-coordinator.ts";
import { quickPorts } from "./quick-ports.ts";
import { ScriptedTraining } from "./scripted-training.ts";

const organisations = await Promise.all([makeSigningKey(false), makeSigningKey(false)]);
const [own] = organisations;
const voucher: Voucher = async (campaign, device) => ({
  organisation: own!.publicKey,
  vouch: await signBytes(own!, vouchBytes(campaign, device)),
});

const PRIVATE: Partial<CampaignConfigInput> = {
  distillation: { rounds: 3, localSteps: 4, batchSize: 2 },
  aggregation: { rule: { kind: "mean" } },
  codec: "f32",
  round: { goal: 4, minimum: 3 },
  privacy: {
    helper: { url: "https://helper.test", key: "ab".repeat(32) },
    organisations: organisations.map(({ publicKey }) => publicKey).sort(),
    clipNorm: 4,
  },
};

function setUp(config = PRIVATE, identities = memoryIdentityStore()) {
  const coordinator = new FakeCoordinator(config);
  const training = new ScriptedTraining();
  const ports = quickPorts(coordinator, { identities });
  const participant = new Participant({ invite: INVITE, training, ports, voucher });
  return { coordinator, identities, participant, training };
}

/** Makes the campaign another than its preview told: from enrolment on. */
function turnAt(coordinator: FakeCoordinator, turned: Partial<CampaignConfigInput>): void {
  const { config } = new FakeCoordinator(turned).view;
  coordinator.interfere = ({ path }) => {
    if (path === "/enrol") coordinator.view = { ...coordinator.view, config };
    return undefined;
  };
}

describe("who has an organisation's key", () => {
  it("[M9.9] does not even enrol where the preview tells of no privacy, and says what to do", async () => {
    const { coordinator, participant } = setUp({});
    await expect(participant.run()).rejects.toMatchObject({
      code: "not-private",
      message: expect.stringContaining("without --organisation-key"),
    });
    expect(coordinator.count("POST", /enrol/)).toBe(0);
  });

  it("[M9.9] takes no part where the view tells of no privacy, nor when it comes back", async () => {
    const { coordinator, identities, participant } = setUp();
    turnAt(coordinator, { ...PRIVATE, privacy: undefined });
    await expect(participant.run()).rejects.toMatchObject({ code: "campaign-not-verified" });
    const first = setUp(PRIVATE, identities);
    first.coordinator.reply = () => ({ kind: "ended", state: "finished", detail: null, round: 0 });
    await first.participant.run();
    first.coordinator.view = new FakeCoordinator({}).view;
    const again = new Participant({
      invite: INVITE,
      training: new ScriptedTraining(),
      ports: quickPorts(first.coordinator, { identities }),
      voucher,
    });
    const checkIns = first.coordinator.reports.length;
    await expect(again.run()).rejects.toMatchObject({ code: "not-private" });
    expect(first.coordinator.reports).toHaveLength(checkIns);
  });

  it("[M9.9] takes no part when it comes back and is told of another helper", async () => {
    const first = setUp();
    first.coordinator.reply = () => ({ kind: "ended", state: "finished", detail: null, round: 0 });
    await first.participant.run();
    const helper = { url: "https://helper.test", key: "cd".repeat(32) };
    const other = { ...PRIVATE, privacy: { ...PRIVATE.privacy!, helper } };
    first.coordinator.view = new FakeCoordinator(other).view;
    const training = new ScriptedTraining();
    const ports = quickPorts(first.coordinator, { identities: first.identities });
    const again = new Participant({ invite: INVITE, training, ports, voucher });
    await expect(again.run()).rejects.toThrow(/told another privacy/);
    expect(training.campaign).toBeUndefined();
  });

  it("[M9.2] joins anew where a coordinator tells the configuration otherwise than it did", async () => {
    const { coordinator, participant, training } = setUp();
    const told = { ...coordinator.view, config: { ...coordinator.view.config, name: "upgraded" } };
    let refused = 0;
    coordinator.interfere = ({ path }) => {
      if (!path.endsWith("/commit") || coordinator.view === told) return undefined;
      coordinator.view = told;
      coordinator.reply = () => ({ kind: "ended", state: "finished", detail: null, round: 0 });
      refused++;
      return problem(new ProtocolError("unsafe-sum", "sealed under another configuration"));
    };
    await expect(participant.run()).resolves.toMatchObject({ kind: "finished" });
    expect(refused).toBe(1);
    expect(training.campaign?.config.name).toBe("upgraded");
    expect(coordinator.enrolmentKeys.size).toBe(1);
  });

  it("[M9.9] takes no part where preview and view tell of different helpers", async () => {
    const { coordinator, participant, training } = setUp();
    const privacy = {
      ...PRIVATE.privacy!,
      helper: { url: "https://other.test", key: "cd".repeat(32) },
    };
    turnAt(coordinator, { ...PRIVATE, privacy });
    await expect(participant.run()).rejects.toThrow(/told another privacy/);
    expect(training.campaign).toBeUndefined();
  });
});

const config = configOf(PRIVATE);
const PLANNED: Assignment = {
  kind: "assignment",
  round: 1,
  attempt: 0,
  deadline: 0,
  student: [],
  leg: { kind: "main", candidate: 0, roundOfLeg: 1, trainingRounds: 3 },
  startStep: 4,
  totalSteps: 12,
  localSteps: 4,
};

describe("work in a private campaign", () => {
  it("[M9.10] is what configuration and round say, or scores alone, early too", () => {
    requirePrivateWork(PLANNED, config);
    requirePrivateWork({ ...PLANNED, localSteps: 0 }, config);
  });

  it.each<[string, Partial<Assignment>]>([
    ["startStep", { startStep: 0 }],
    ["totalSteps", { totalSteps: 1e9 }],
    ["localSteps", { localSteps: 3 }],
    ["leg", { leg: { ...PLANNED.leg, roundOfLeg: 0 } }],
    ["leg", { leg: { ...PLANNED.leg, kind: "probe" } }],
    ["leg", { leg: { ...PLANNED.leg, trainingRounds: 300 }, localSteps: 0 }],
    ["after the last", { round: 3, leg: { ...PLANNED.leg, roundOfLeg: 3 } }],
    ["round 4 of 4", { round: 4, localSteps: 0 }],
  ])("[M9.10] is refused with another %s", (named, changes) => {
    const refused = (): void => requirePrivateWork({ ...PLANNED, ...changes }, config);
    expect(refused).toThrow(
      expect.objectContaining({
        code: "campaign-not-verified",
        message: expect.stringContaining(named),
      }),
    );
  });

  const AT = { round: 0, attempt: 0, deadline: 0 };
  it.each<[string, CheckInReply]>([
    ["own statistics", { kind: "statistics", ...AT }],
    ["vote", { ...AT, kind: "trial", candidate: 0, leg: PLANNED.leg, student: [], last: [] }],
    ["totalSteps", { ...PLANNED, totalSteps: 1e9 }],
  ])(
    "[M9.10] that asks for %s ends the taking part before anything is done",
    async (named, reply) => {
      const { coordinator, participant, training } = setUp();
      coordinator.reply = () => reply;
      await expect(participant.run()).rejects.toThrow(named);
      expect(participant.status).toMatchObject({ code: "campaign-not-verified" });
      expect(training.begun).toEqual([]);
      expect(training.measuredStatistics).toBe(0);
      expect(coordinator.updates).toEqual([]);
    },
  );
});
