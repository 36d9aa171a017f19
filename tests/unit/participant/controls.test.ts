import { describe, expect, it } from "vitest";
import { setUp } from "./set-up.ts";
import { until } from "./quick-ports.ts";

describe("controls", () => {
  it("pause idles the device between steps, resume goes on in the same round", async () => {
    const { coordinator, participant, ports, seen, training } = setUp();
    training.onStep = (step) => {
      if (step === 6) participant.pause();
    };
    const running = participant.run();
    await until(() => participant.status.kind === "paused");
    const { steps } = training;
    const calls = coordinator.calls.length;
    await ports.clock.sleep(60_000);
    expect(training.steps).toBe(steps);
    expect(coordinator.calls).toHaveLength(calls);
    expect(participant.status).toEqual({ kind: "paused", round: 1 });
    participant.resume();
    await running;
    expect(training.begun).toEqual([0, 4, 8]);
    expect(training.steps).toBe(12);
    expect(seen.at(-1)).toMatchObject({ kind: "finished" });
  });

  it("pause while waiting shows it, resume checks in again", async () => {
    const { coordinator, participant } = setUp();
    coordinator.reply = () => ({
      kind: "wait",
      reason: "not-started",
      round: 0,
      retryAfterMs: 3_600_000,
    });
    const running = participant.run();
    await until(() => participant.status.kind === "waiting");
    participant.pause();
    await until(() => participant.status.kind === "paused");
    coordinator.reply = undefined;
    participant.resume();
    await expect(running).resolves.toMatchObject({ kind: "finished" });
  });

  it("finishRound delivers the update at hand, then leaves", async () => {
    const { coordinator, participant, training } = setUp();
    training.onStep = (step) => {
      if (step === 5) participant.finishRound();
    };
    await expect(participant.run()).resolves.toEqual({ kind: "stopped" });
    expect(training.begun).toEqual([0, 4]);
    expect(coordinator.updates.map(({ round }) => round)).toEqual([0, 1]);
    expect(participant.totals.accepted).toBe(2);
  });

  it("finishRound leaves at once when there is no update at hand", async () => {
    const { coordinator, participant } = setUp();
    coordinator.reply = () => ({
      kind: "wait",
      reason: "round-full",
      round: 0,
      retryAfterMs: 3_600_000,
    });
    const running = participant.run();
    await until(() => participant.status.kind === "waiting");
    participant.finishRound();
    // There is a place by now: it is left to others.
    coordinator.reply = undefined;
    const asked = coordinator.count("POST", /^\/check-in/);
    await expect(running).resolves.toEqual({ kind: "stopped" });
    expect(coordinator.count("POST", /^\/check-in/)).toBe(asked);
  });

  it("stop leaves in the middle of a round and sends nothing of it, paused or not", async () => {
    for (const pausedFirst of [false, true]) {
      const { coordinator, participant, training } = setUp();
      training.onStep = (step) => {
        if (step !== 6) return;
        if (pausedFirst) participant.pause();
        else participant.stop();
      };
      const running = participant.run();
      if (pausedFirst) {
        await until(() => participant.status.kind === "paused");
        participant.stop();
      }
      await expect(running).resolves.toEqual({ kind: "stopped" });
      expect(coordinator.updates).toHaveLength(1);
      expect(coordinator.count("PUT", /^\/rounds\/1/)).toBe(0);
      expect(training.closed).toBe(1);
    }
  });

  it("stop ends a participant whose coordinator is away", async () => {
    const { coordinator, participant } = setUp();
    coordinator.interfere = () => "lost-request";
    const running = participant.run();
    await until(() => participant.status.kind === "waiting");
    participant.stop();
    await expect(running).resolves.toEqual({ kind: "stopped" });
  });
});
