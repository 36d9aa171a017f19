import { describe, expect, it } from "vitest";
import { EngineError } from "../../../client/engine/engine-error.ts";
import { hasBrokenValues } from "../../../client/participant/broken-student.ts";
import { Participant } from "../../../client/participant/participant.ts";
import type { ParticipantStatus } from "../../../client/participant/status.ts";
import { ProtocolError } from "../../../protocol/errors.ts";
import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import { FakeCoordinator, INVITE, problem } from "./fake-coordinator.ts";
import { quickPorts } from "./quick-ports.ts";
import { ScriptedTraining } from "./scripted-training.ts";

function setUp() {
  const coordinator = new FakeCoordinator();
  const training = new ScriptedTraining();
  const ports = quickPorts(coordinator);
  const participant = new Participant({ invite: INVITE, training, ports });
  // Once it waits for another student, the campaign ends.
  participant.subscribe((status: ParticipantStatus) => {
    if (status.kind === "waiting" && status.reason === "broken-student") coordinator.fails = true;
  });
  return { coordinator, training, participant };
}

const NOT_FINITE = new EngineError("not-finite", "the loss is NaN: the student has diverged");

describe("a participant that is given a broken student", () => {
  it("[J12] says so, waits, and ends with the campaign", async () => {
    const { coordinator, participant, training } = setUp();
    training.onStep = (step) => {
      if (step === 4) coordinator.breakStudent(Number.NaN);
    };
    await expect(participant.run()).resolves.toMatchObject({ kind: "finished", state: "failed" });
    expect(coordinator.refusals).toEqual(["student"]);
    expect(coordinator.fails).toBe(true);
    // The device was not troubled with it.
    expect(training.begun).toEqual([0]);
  });

  it.each([
    ["student", "answers"],
    ["neither", "loss"],
  ] as const)("[J12.1] tells whose answers are not finite: %s's", async (examined, found) => {
    const { coordinator, participant, training } = setUp();
    training.examined = examined;
    training.onStep = () => Promise.reject(NOT_FINITE);
    await expect(participant.run()).resolves.toMatchObject({ state: "failed" });
    expect(coordinator.refusals).toEqual([found]);
  });

  it("[J12.1] tells that scoring it fails, too", async () => {
    const { coordinator, participant, training } = setUp();
    training.examined = "student";
    training.onPass = () => Promise.reject(NOT_FINITE);
    await expect(participant.run()).resolves.toMatchObject({ state: "failed" });
    expect(coordinator.refusals).toEqual(["answers"]);
    expect(coordinator.round).toBe(3);
  });

  it("[J12.1] [U8] tells that what came of training is not taken", async () => {
    const { coordinator, participant } = setUp();
    coordinator.interfere = ({ method }) =>
      method === "PUT"
        ? problem(new ProtocolError("malformed-update", "slice 0: value 3 is 1e30"))
        : undefined;
    await expect(participant.run()).resolves.toMatchObject({ state: "failed" });
    expect(coordinator.refusals).toEqual(["update"]);
  });

  it.each([
    ["a teacher that answers no better", NOT_FINITE, "teacher"],
    ["a device that is gone", new EngineError("device-failed", "it was lost"), "neither"],
    ["an engine that was closed", new EngineError("closed", "it was closed"), "neither"],
  ] as const)("[J12.5] does not take %s for it", async (_, error, examined) => {
    const { coordinator, participant, training } = setUp();
    training.examined = examined;
    training.onStep = () => Promise.reject(error);
    await expect(participant.run()).rejects.toBe(error);
    expect(coordinator.refusals).toEqual([]);
  });
});

describe("a student's values", () => {
  const layout = {
    entries: [{ name: "running_var", role: "running-variance", shape: [2], size: 2, offset: 2 }],
    slices: [],
    trainableLength: 2,
    length: 4,
  } satisfies StateLayout;

  it.each([
    [[-1, 2, 0, 1], false],
    [[1e30, 2, 1e-30, 1], false],
    [[Number.NaN, 2, 1, 1], true],
    [[1, 2, 1, Infinity], true],
    [[1, 2, 1, -1e-9], true],
  ] as const)("[J12] %j: broken %s", (values, broken) => {
    expect(hasBrokenValues(Float32Array.from(values), layout)).toBe(broken);
  });
});
