import { describe, expect, it } from "vitest";
import { ProtocolError } from "../../../protocol/errors.ts";
import { problem } from "./fake-coordinator.ts";
import { setUp } from "./set-up.ts";
import { until } from "./quick-ports.ts";

describe("an update", () => {
  it("[R4] whose upload broke is resumed: what is stored is not sent again, nothing is trained again", async () => {
    const { coordinator, participant, training } = setUp();
    let failures = 3;
    coordinator.interfere = ({ path }) =>
      path.endsWith("0/0/slices/1") && failures-- > 0 ? "lost-request" : undefined;
    await participant.run();
    expect(coordinator.sliceCount).toBe(2);
    expect(coordinator.count("PUT", /^\/rounds\/0\/0\/slices\/0$/)).toBe(1);
    expect(coordinator.count("PUT", /^\/rounds\/0\/0\/slices\/1$/)).toBe(4);
    expect(training.begun).toEqual([0, 4, 8]);
  });

  it("[R6] of a stale round is dropped, and the next attempt trained", async () => {
    const { coordinator, participant, training } = setUp();
    let moved = false;
    coordinator.interfere = ({ method }) => {
      if (method === "PUT" && !moved) {
        moved = true;
        coordinator.move({ attempt: 1 });
      }
      return undefined;
    };
    await participant.run();
    expect(training.begun).toEqual([0, 0, 4, 8]);
    expect(coordinator.updates.map(({ attempt, round }) => [round, attempt])).toEqual([
      [0, 1],
      [1, 0],
      [2, 0],
      [3, 0],
    ]);
    expect(participant.totals).toMatchObject({ contributed: 3, accepted: 3 });
  });

  it("[C3] of a campaign paused meanwhile is kept and sent once it goes on", async () => {
    const { coordinator, participant, seen, training } = setUp();
    training.onStep = (step) => {
      if (step === 4) coordinator.state = "paused";
    };
    const running = participant.run();
    await until(() =>
      seen.some((status) => status.kind === "waiting" && status.reason === "paused"),
    );
    coordinator.state = "running";
    await running;
    expect(training.begun).toEqual([0, 4, 8]);
    expect(participant.totals.accepted).toBe(3);
  });

  it("that was damaged on its way is sent again", async () => {
    const { coordinator, participant, training } = setUp();
    let damaged = 2;
    coordinator.interfere = ({ method }) =>
      method === "PUT" && damaged-- > 0
        ? problem(new ProtocolError("digest-mismatch", "damaged"))
        : undefined;
    await participant.run();
    expect(training.begun).toEqual([0, 4, 8]);
  });

  it("that is rejected is counted with the reason", async () => {
    const { coordinator, participant } = setUp();
    coordinator.verdict = (round) =>
      round === 1
        ? { verdict: "rejected", round, reason: "goal-reached", detail: "four others were first" }
        : undefined;
    await participant.run();
    expect(participant.totals).toMatchObject({
      contributed: 3,
      accepted: 2,
      rejected: 1,
      rejections: [{ round: 1, reason: "goal-reached", detail: "four others were first" }],
    });
  });

  it("that is in already is not made again", async () => {
    const { coordinator, participant, seen, training } = setUp();
    coordinator.advances = false;
    const running = participant.run();
    await until(() => seen.some(({ kind }) => kind === "waiting"));
    expect(seen.at(-1)).toMatchObject({ reason: "already-contributed", round: 0 });
    coordinator.move({ round: 4 });
    await running;
    expect(training.begun).toEqual([0]);
  });
});
