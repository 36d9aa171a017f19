import { describe, expect, it } from "vitest";
import { memoryIdentityStore } from "../../../../client/participant/wire/identity.ts";
import { ProtocolError } from "../../../../protocol/errors.ts";
import { FakeCoordinator, problem } from "../fake-coordinator.ts";
import { setUp } from "../set-up.ts";

describe("refusals", () => {
  for (const code of ["invite-expired", "invite-revoked", "invite-exhausted"] as const) {
    it(`[A1] ${code} ends it at once, with a hint`, async () => {
      const { coordinator, participant } = setUp();
      coordinator.interfere = () => problem(new ProtocolError(code, "no longer"));
      await expect(participant.run()).rejects.toMatchObject({ code });
      expect(coordinator.calls).toHaveLength(1);
      expect(participant.status).toMatchObject({
        kind: "failed",
        code,
        message: "no longer",
        hint: expect.stringContaining("new invite"),
      });
    });
  }

  it("[A3] of a participant that was removed end it", async () => {
    const { coordinator, participant, training } = setUp();
    coordinator.interfere = ({ path }) =>
      path === "/check-in" && coordinator.round === 1
        ? problem(new ProtocolError("participant-revoked", "removed"))
        : undefined;
    await expect(participant.run()).rejects.toMatchObject({ code: "participant-revoked" });
    expect(training.begun).toEqual([0]);
    expect(training.closed).toBe(1);
  });

  it("come out clearly when something else answers", async () => {
    const { coordinator, participant } = setUp();
    coordinator.interfere = () => new Response("<html>router login</html>");
    await expect(participant.run()).rejects.toMatchObject({
      code: "unexpected-reply",
      message: expect.stringContaining("http://coordinator.test"),
    });
  });
});

describe("enrolment", () => {
  it("takes no use of the invite when there is nothing to train on", async () => {
    const coordinator = new FakeCoordinator();
    const { participant, training } = setUp(coordinator);
    training.prepare = () => Promise.reject(new Error("no usable images"));
    await expect(participant.run()).rejects.toThrow("no usable images");
    expect(coordinator.enrolmentKeys.size).toBe(0);
  });

  it("[A2.1] whose answer was lost is repeated with the same key", async () => {
    const coordinator = new FakeCoordinator();
    let lost = 0;
    coordinator.interfere = ({ path }) =>
      path === "/enrol" && lost++ < 2 ? "lost-reply" : undefined;
    const { participant } = setUp(coordinator);
    await expect(participant.run()).resolves.toMatchObject({ kind: "finished" });
    expect(lost).toBe(3);
    expect(coordinator.enrolmentKeys.size).toBe(1);
  });
});

describe("identity", () => {
  it("[A2] is kept: a restarted participant does not enrol again", async () => {
    const coordinator = new FakeCoordinator();
    const identities = memoryIdentityStore();
    const first = setUp(coordinator, { identities });
    first.training.onStep = (step) => {
      if (step === 5) first.participant.stop();
    };
    await first.participant.run();
    const second = setUp(coordinator, { identities });
    await expect(second.participant.run()).resolves.toMatchObject({ kind: "finished" });
    expect(coordinator.enrolmentKeys.size).toBe(1);
    expect(second.training.begun).toEqual([4, 8]);
  });

  it("that the coordinator no longer knows is given up for a new enrolment", async () => {
    const coordinator = new FakeCoordinator();
    const identities = memoryIdentityStore();
    const old = {
      campaign: coordinator.view.id,
      participant: `p-${"z".repeat(20)}`,
      credential: "old",
    };
    await identities.save(`http://coordinator.test/${coordinator.view.id}`, old);
    const { participant } = setUp(coordinator, { identities });
    await expect(participant.run()).resolves.toMatchObject({ kind: "finished" });
    expect(coordinator.enrolmentKeys.size).toBe(1);
  });
});
