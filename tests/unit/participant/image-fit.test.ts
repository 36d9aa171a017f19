import { describe, expect, it } from "vitest";
import type { MisfitAnswer } from "../../../client/participant/image-fit.ts";
import { Participant } from "../../../client/participant/participant.ts";
import type { ParticipantStatus } from "../../../client/participant/status.ts";
import type { Fit, Misfit } from "../../../protocol/round/fit.ts";
import { FakeCoordinator, INVITE } from "./fake-coordinator.ts";
import { quickPorts } from "./quick-ports.ts";
import { ScriptedTraining } from "./scripted-training.ts";

const GOOD: Fit = {
  images: 64,
  confidence: 0.9,
  entropy: 0.2,
  distance: 0.01,
  otherwise: null,
  reading: null,
};
const BAD: Fit = { ...GOOD, distance: 0.4, otherwise: { as: "imagenet", distance: 0.01 } };

function setUp(fit: Fit | null, onMisfit?: MisfitAnswer) {
  const coordinator = new FakeCoordinator();
  const training = new ScriptedTraining();
  training.fit = fit;
  const ports = quickPorts(coordinator);
  const answer = onMisfit === undefined ? {} : { onMisfit };
  const participant = new Participant({ invite: INVITE, training, ports, ...answer });
  const seen: ParticipantStatus[] = [];
  participant.subscribe((status) => seen.push(status));
  return { coordinator, participant, seen, training };
}

describe("a participant whose pictures fit", () => {
  it("[F1] tells so with its first check-in, once, and nobody is asked", async () => {
    const { coordinator, participant, seen } = setUp(GOOD, () => {
      throw new Error("nothing to ask");
    });
    await expect(participant.run()).resolves.toMatchObject({ kind: "finished" });
    const [first, ...others] = coordinator.reports;
    expect(first).toMatchObject({ fit: GOOD });
    for (const { fit } of others) expect(fit).toBeUndefined();
    expect(seen.map(({ kind }) => kind)).not.toContain("asking");
  });

  it("[F1] tells nothing where they are too few to say", async () => {
    const { coordinator, participant } = setUp(null);
    await participant.run();
    expect(coordinator.reports.some((report) => "fit" in report)).toBe(false);
  });
});

describe("a participant whose pictures do not fit", () => {
  it("[F2.1] [F2.2] is asked, with the likely cause, once the coordinator knows; it holds no place meanwhile", async () => {
    const asked: Misfit[] = [];
    const { coordinator, participant, seen, training } = setUp(BAD, (misfit) => {
      asked.push(misfit);
      expect(coordinator.reports).toEqual([{ backend: "scripted", fit: BAD, undecided: true }]);
      expect(training.sought).toBe(false);
      return "go-on";
    });
    await expect(participant.run()).resolves.toMatchObject({ kind: "finished" });
    expect(asked).toMatchObject([{ cause: "normalisation" }]);
    expect(seen).toContainEqual({ kind: "asking", misfit: asked[0] });
    expect(coordinator.updates.length).toBeGreaterThan(0);
    expect(coordinator.reports.slice(1).some((report) => "fit" in report)).toBe(false);
  });

  for (const [how, onMisfit] of [
    ["when the answer is no", () => "leave" as const],
    ["when nobody is there to answer", undefined],
  ] as const) {
    it(`[F2.1] leaves ${how}, and has told the coordinator`, async () => {
      const { coordinator, participant, training } = setUp(BAD, onMisfit);
      await expect(participant.run()).rejects.toMatchObject({ code: "images-do-not-fit" });
      expect(participant.status).toMatchObject({
        kind: "failed",
        code: "images-do-not-fit",
        message: expect.stringContaining("mean and std are likely not the model's"),
        hint: expect.stringContaining("Choose other images"),
      });
      expect(coordinator.reports).toHaveLength(1);
      expect(coordinator.updates).toHaveLength(0);
      expect(training.sought).toBe(false);
      expect(training.closed).toBe(1);
    });
  }

  for (const leave of ["stop", "finishRound"] as const) {
    it(`[F2.1] may leave by ${leave}() instead of an answer`, async () => {
      const { participant } = setUp(BAD, () => {
        participant[leave]();
        return new Promise(() => undefined);
      });
      await expect(participant.run()).resolves.toEqual({ kind: "stopped" });
    });
  }

  it("[F2.2] is not asked where the campaign has ended meanwhile", async () => {
    const { coordinator, participant } = setUp(BAD, () => {
      throw new Error("nothing to ask");
    });
    coordinator.reply = () => ({ kind: "ended", state: "finished", detail: null, round: 4 });
    await expect(participant.run()).resolves.toMatchObject({ kind: "finished" });
  });
});
