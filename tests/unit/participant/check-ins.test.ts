import { describe, expect, it } from "vitest";
import { CheckIns } from "../../../client/participant/check-ins.ts";
import { Participant } from "../../../client/participant/participant.ts";
import type { CheckInReply, CheckInRequest } from "../../../protocol/round/assignment.ts";
import { FakeCoordinator, INVITE } from "./fake-coordinator.ts";
import { quickPorts } from "./quick-ports.ts";
import { ScriptedTraining } from "./scripted-training.ts";

const WAIT: CheckInReply = { kind: "wait", reason: "paused", round: 0, retryAfterMs: 1 };
const tooSlow = ({ imagesPerSecond = 0 }: CheckInRequest): CheckInReply => ({
  kind: "too-slow",
  round: 0,
  imagesPerSecond,
  neededImagesPerSecond: 10,
  detail: `${imagesPerSecond} is too slow`,
});

/** Check-ins whose benchmark gives these speeds in turn, to a coordinator that wants 10 images/s. */
function checkInsOf(speeds: number[]) {
  const told: (number | undefined)[] = [];
  const checkIns = new CheckIns({
    backend: "scripted",
    measure: () => Promise.resolve(speeds.shift()!),
    ask: (report) => {
      told.push(report.imagesPerSecond);
      return Promise.resolve((report.imagesPerSecond ?? 10) < 10 ? tooSlow(report) : WAIT);
    },
  });
  return { checkIns, told, speeds };
}

describe("check-ins", () => {
  it("[R11] tell the benchmark's speed first, then that of the last round", async () => {
    const { checkIns, told, speeds } = checkInsOf([40, 99]);
    await checkIns.next();
    await checkIns.next();
    checkIns.roundTook(600, 20);
    await checkIns.next();
    checkIns.roundTook(600, 10);
    await checkIns.next();
    expect(told).toEqual([40, 40, 30, 60]);
    expect(speeds).toEqual([99]);
  });

  it("[R11] stay within what is believed, also where the clock is too coarse", async () => {
    const { checkIns, told } = checkInsOf([Number.POSITIVE_INFINITY]);
    await checkIns.next();
    checkIns.roundTook(64, 1e-9);
    await checkIns.next();
    expect(told).toEqual([1e7, 1e7]);
  });

  it("[R13] end with the coordinator's reason when a benchmark shows the device too slow", async () => {
    const { checkIns, told } = checkInsOf([4]);
    await expect(checkIns.next()).rejects.toMatchObject({
      code: "too-slow",
      message: "4 is too slow",
    });
    expect(told).toEqual([4]);
  });

  it("[R13] measure again after a round that was too slow, and go on if that was an accident", async () => {
    const { checkIns, told } = checkInsOf([40, 35, 5]);
    await checkIns.next();
    checkIns.roundTook(10, 10);
    expect(await checkIns.next()).toEqual(WAIT);
    checkIns.roundTook(10, 5);
    await expect(checkIns.next()).rejects.toMatchObject({ code: "too-slow" });
    expect(told).toEqual([40, 1, 35, 2, 5]);
  });
});

function setUp(coordinator: FakeCoordinator) {
  const training = new ScriptedTraining();
  const ports = quickPorts(coordinator);
  const participant = new Participant({ invite: INVITE, training, ports });
  return { participant, training };
}

describe("a participant", () => {
  it("[R11] measures once, before its first check-in, and reports device and speed", async () => {
    const coordinator = new FakeCoordinator();
    const { participant, training } = setUp(coordinator);
    await participant.run();
    expect(training.measured).toBe(1);
    expect(coordinator.reports[0]).toEqual({ backend: "scripted", imagesPerSecond: 50 });
    const later = coordinator.reports.slice(1).map(({ imagesPerSecond }) => imagesPerSecond);
    expect(later).toHaveLength(4);
    expect(later).not.toContain(50);
    // A judging round has no local steps: what the round before it took still holds.
    expect(later[3]).toBe(later[2]);
  });

  it("[D8] takes as many steps as it was assigned", async () => {
    const coordinator = new FakeCoordinator();
    const { participant, training } = setUp(coordinator);
    coordinator.localSteps = 2;
    await participant.run();
    expect(training.assigned).toEqual([2, 2, 2]);
    expect(training.begun).toEqual([0, 4, 8]);
    expect(coordinator.updates.map(({ request }) => request.examples)).toEqual([4, 4, 4, 0]);
  });

  it("[R12.2] needs no benchmark where it sends gradients", async () => {
    const distillation = { rounds: 2, localSteps: 1, batchSize: 2 };
    const coordinator = new FakeCoordinator({ distillation });
    const { participant, training } = setUp(coordinator);
    await participant.run();
    expect(training.measured).toBe(0);
    expect(coordinator.reports[0]).toEqual({ backend: "scripted" });
  });

  it("[R13] that is too slow fails with the reason and what to do", async () => {
    const coordinator = new FakeCoordinator();
    coordinator.reply = tooSlow;
    const { participant, training } = setUp(coordinator);
    await expect(participant.run()).rejects.toMatchObject({ code: "too-slow" });
    expect(participant.status).toEqual({
      kind: "failed",
      code: "too-slow",
      message: "50 is too slow",
      hint: expect.stringContaining("faster GPU"),
    });
    expect(training.begun).toEqual([]);
    expect(training.closed).toBe(1);
  });

  it("can be stopped while it measures", async () => {
    const coordinator = new FakeCoordinator();
    const { participant } = setUp(coordinator);
    participant.subscribe(({ kind }) => {
      if (kind === "measuring") participant.stop();
    });
    await expect(participant.run()).resolves.toEqual({ kind: "stopped" });
    expect(coordinator.reports).toEqual([]);
  });
});
