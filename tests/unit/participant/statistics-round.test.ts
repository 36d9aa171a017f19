import { describe, expect, it } from "vitest";
import { Participant } from "../../../client/participant/participant.ts";
import type { ParticipantStatus } from "../../../client/participant/status.ts";
import { ProtocolError } from "../../../protocol/errors.ts";
import type { CampaignConfigInput } from "../../../protocol/round/campaign-config.ts";
import { FakeCoordinator, INVITE, problem } from "./fake-coordinator.ts";
import { quickPorts, until } from "./quick-ports.ts";
import { ScriptedTraining } from "./scripted-training.ts";

const MEASURING: Partial<CampaignConfigInput> = {
  reinit: { strategy: { kind: "bn-divergence", images: 64 } },
};

function setUp(config: Partial<CampaignConfigInput> = MEASURING) {
  const coordinator = new FakeCoordinator(config);
  const training = new ScriptedTraining();
  const { length, trainableLength } = coordinator.view.model;
  const statistics = Float32Array.from({ length: length - trainableLength }, (_, i) => i / 100);
  training.statistics = { statistics, images: 64 };
  const participant = new Participant({ invite: INVITE, training, ports: quickPorts(coordinator) });
  const seen: ParticipantStatus[] = [];
  participant.subscribe((status) => seen.push(status));
  return { coordinator, training, participant, seen, statistics };
}

describe("a statistics round", () => {
  it("[B2.2] [B2.3] [U7] takes sums alone, as f32 whatever the codec, and training goes on from what they gave", async () => {
    const { coordinator, participant, seen, statistics, training } = setUp({
      ...MEASURING,
      codec: "int8",
    });
    await expect(participant.run()).resolves.toMatchObject({ kind: "finished", round: 5 });
    const [measured, ...others] = coordinator.updates;
    const { trainableLength } = coordinator.view.model;
    expect(measured!.values.subarray(trainableLength)).toEqual(statistics);
    expect(measured!.values.subarray(0, trainableLength).every((value) => value === 0)).toBe(true);
    expect(measured!.request).toEqual({
      slices: [expect.any(String)],
      examples: 64,
      loss: 0,
      agreement: 0,
      scores: null,
      seconds: expect.any(Number),
      backend: "scripted",
      signature: expect.stringMatching(/^[0-9a-f]{128}$/),
    });
    expect(others.map(({ round }) => round)).toEqual([1, 2, 3, 4]);
    expect(training.scored).toEqual(["watch 1", "watch 2", "watch 3", "judge 4"]);
    expect(participant.totals).toMatchObject({ measured: 1, accepted: 3, judged: 1 });
    expect(seen).toContainEqual({
      kind: "statistics",
      round: 0,
      attempt: 0,
      images: 64,
      totalImages: 64,
    });
  });

  it("[B6] leads to a student₀ that is recomputed, not fetched", async () => {
    const { coordinator, participant } = setUp();
    await participant.run();
    const [start] = coordinator.view.starts;
    for (const digest of start!.initialStudent) {
      expect(coordinator.count("GET", new RegExp(`/blobs/${digest}`))).toBe(0);
    }
    expect(coordinator.count("GET", new RegExp(`/blobs/${coordinator.view.statistics}`))).toBe(1);
    expect(coordinator.count("GET", /\/campaign$/)).toBe(1);
  });

  it("[B3] is declined by who has too few images, who trains all the same", async () => {
    const { coordinator, participant, training } = setUp();
    training.statistics = null;
    coordinator.verdict = (round) => {
      if (round > 0) return undefined;
      coordinator.advances = false;
      return { verdict: "rejected", round, reason: "too-few-images", detail: "32 are needed" };
    };
    const running = participant.run();
    await until(() => coordinator.updates.length > 0);
    expect(coordinator.updates[0]!.request).toMatchObject({ slices: [], examples: 0 });
    expect(coordinator.count("PUT", /slices/)).toBe(0);
    // Others measured.
    coordinator.advances = true;
    coordinator.measuredByOthers();
    await expect(running).resolves.toMatchObject({ kind: "finished" });
    expect(participant.totals).toMatchObject({ measured: 0, rejected: 0, accepted: 3 });
    expect(training.measuredStatistics).toBe(1);
  });

  it("[R5] whose commit's answer was lost is committed the same again, not measured again", async () => {
    const { coordinator, participant, training } = setUp();
    let lost = 0;
    coordinator.interfere = ({ path }) =>
      path === "/rounds/0/0/commit" && lost++ < 3 ? "lost-reply" : undefined;
    await expect(participant.run()).resolves.toMatchObject({ kind: "finished" });
    expect(coordinator.count("POST", /^\/rounds\/0\/0\/commit$/)).toBe(4);
    expect(training.measuredStatistics).toBe(1);
    expect(participant.totals.measured).toBe(1);
  });

  it("[B4] ends a participant whose statistics are refused, with the reason", async () => {
    const { coordinator, participant } = setUp();
    const refusal = "'bn1.running_var' at channel 0";
    coordinator.interfere = ({ path }) =>
      path.startsWith("/rounds/0/0/slices")
        ? problem(new ProtocolError("malformed-update", refusal))
        : undefined;
    await expect(participant.run()).rejects.toMatchObject({ code: "malformed-update" });
    expect(participant.status).toMatchObject({ kind: "failed", message: refusal });
  });

  it.each([
    ["statistics that do not match their digest", "campaign-not-verified"],
    ["a student₀ that does not follow from them", "campaign-not-verified"],
    ["training without telling what it starts from", "campaign-not-verified"],
  ])("[B6] is followed by no step where the coordinator serves %s", async (lie, code) => {
    const { coordinator, participant, training } = setUp();
    coordinator.interfere = ({ path }) => {
      if (path !== "/campaign") return undefined;
      const { view } = coordinator;
      if (lie.startsWith("statistics")) {
        const bytes = coordinator.blobs.get(view.statistics!)!;
        coordinator.blobs.set(
          view.statistics!,
          bytes.map((byte, i) => (i === 5 ? byte ^ 1 : byte)),
        );
        return undefined;
      }
      const [start] = view.starts;
      const student = [start!.initialStudent[0]!, coordinator.view.model.digest];
      const starts = lie.startsWith("training") ? [] : [{ ...start!, initialStudent: student }];
      return Response.json({ ...view, starts });
    };
    await expect(participant.run()).rejects.toMatchObject({ code });
    expect(training.begun).toEqual([]);
  });
});
