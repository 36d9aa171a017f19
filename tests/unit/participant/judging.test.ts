import { describe, expect, it } from "vitest";
import { Participant } from "../../../client/participant/participant.ts";
import type { ParticipantStatus } from "../../../client/participant/status.ts";
import { ProtocolError } from "../../../protocol/errors.ts";
import type { CheckInReply } from "../../../protocol/round/assignment.ts";
import type { CampaignConfigInput } from "../../../protocol/round/campaign-config.ts";
import { FakeCoordinator, INVITE, problem } from "./fake-coordinator.ts";
import { quickPorts, until } from "./quick-ports.ts";
import { ScriptedTraining } from "./scripted-training.ts";

const PROBES: Partial<CampaignConfigInput> = {
  reinit: { strength: "auto" },
  probes: { strengths: [0.5, 1, 2], rounds: 1 },
  distillation: { rounds: 2, localSteps: 4, batchSize: 2 },
};

function setUp(config: Partial<CampaignConfigInput> = {}) {
  const coordinator = new FakeCoordinator(config);
  const training = new ScriptedTraining();
  const ports = quickPorts(coordinator);
  const participant = new Participant({ invite: INVITE, training, ports });
  const seen: ParticipantStatus[] = [];
  participant.subscribe((status) => seen.push(status));
  return { coordinator, training, participant, seen };
}

describe("a judging round", () => {
  it("[J3.1] takes scores alone: no steps, no upload, the scores' own loss and agreement", async () => {
    const { coordinator, participant, training } = setUp();
    await participant.run();
    expect(training.scored).toEqual(["watch 0", "watch 1", "watch 2", "judge 3"]);
    expect(training.assigned).toEqual([4, 4, 4]);
    const { request } = coordinator.updates[3]!;
    expect(request).toEqual({
      slices: [],
      examples: 0,
      loss: 0.125,
      agreement: 0.875,
      scores: training.scores,
      seconds: expect.any(Number),
      backend: "scripted",
      signature: expect.stringMatching(/^[0-9a-f]{128}$/),
    });
    expect(request.seconds).toBeGreaterThan(0);
    expect(coordinator.count("PUT", /^\/rounds\/3/)).toBe(0);
  });

  it("[J1] of a participant without held-out images is committed without scores", async () => {
    const { coordinator, participant, training } = setUp();
    training.scores = null;
    await expect(participant.run()).resolves.toMatchObject({ kind: "finished" });
    const requests = coordinator.updates.map(({ request }) => request);
    expect(requests.map(({ scores }) => scores)).toEqual([null, null, null, null]);
    expect(requests[3]).toMatchObject({ examples: 0, loss: 0, agreement: 0 });
  });

  it("[R5] whose commit's answer was lost is committed the same again, not judged again", async () => {
    const { coordinator, participant, training } = setUp();
    let lost = 0;
    coordinator.interfere = ({ path }) =>
      path === "/rounds/3/0/commit" && lost++ < 3 ? "lost-reply" : undefined;
    await expect(participant.run()).resolves.toMatchObject({ kind: "finished" });
    expect(coordinator.count("POST", /^\/rounds\/3\/0\/commit$/)).toBe(4);
    expect(training.scored.filter((what) => what === "judge 3")).toHaveLength(1);
    expect(participant.totals).toMatchObject({ accepted: 3, judged: 1 });
  });

  it("[R6] that ended meanwhile is judged again in the next attempt", async () => {
    const { coordinator, participant, training } = setUp();
    let moved = false;
    coordinator.interfere = ({ path }) => {
      if (path === "/rounds/3/0/commit" && !moved) {
        moved = true;
        coordinator.move({ attempt: 1 });
      }
      return undefined;
    };
    await expect(participant.run()).resolves.toMatchObject({ kind: "finished" });
    expect(training.scored.slice(3)).toEqual(["judge 3", "judge 3"]);
    expect(coordinator.updates.at(-1)).toMatchObject({ round: 3, attempt: 1 });
  });

  it("[C3] of a campaign paused meanwhile keeps its scores and sends them once it goes on", async () => {
    const { coordinator, participant, seen, training } = setUp();
    training.onPass = (pass) => {
      if (pass === 3) coordinator.state = "paused";
    };
    const running = participant.run();
    await until(() =>
      seen.some((status) => status.kind === "waiting" && status.reason === "paused"),
    );
    coordinator.state = "running";
    await running;
    expect(training.scored.at(-1)).toBe("judge 3");
    expect(training.scored).toHaveLength(4);
    expect(participant.totals.judged).toBe(1);
  });

  it("can be paused and stopped between batches; a stopped one sends nothing", async () => {
    const { coordinator, participant, training } = setUp();
    training.onPass = (pass) => {
      if (pass === 2) participant.pause();
    };
    const running = participant.run();
    await until(() => participant.status.kind === "paused");
    participant.stop();
    await expect(running).resolves.toEqual({ kind: "stopped" });
    expect(coordinator.updates).toHaveLength(3);
  });

  it("whose commit is refused for what its scores say ends with the reason", async () => {
    const { coordinator, participant } = setUp();
    coordinator.interfere = ({ path }) =>
      path === "/rounds/3/0/commit"
        ? problem(new ProtocolError("malformed-request", "scores.perturbed: one radius is wanted"))
        : undefined;
    await expect(participant.run()).rejects.toMatchObject({ code: "malformed-request" });
    expect(participant.status).toMatchObject({
      kind: "failed",
      message: expect.stringContaining("radius"),
    });
  });

  it("shows how far it is, and sends scores without counting bytes", async () => {
    const { participant, seen } = setUp();
    await participant.run();
    const judging = seen.filter((status) => status.kind === "judging");
    expect(judging.map(({ passes, totalPasses }) => [passes, totalPasses])).toEqual([
      [0, 1],
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
    expect(judging[0]).toMatchObject({ round: 3, attempt: 0, part: { kind: "main" } });
    expect(seen).toContainEqual({ kind: "uploading", round: 3, bytes: 0, totalBytes: 0 });
  });
});

describe("a campaign with probes", () => {
  it("[J4.1] trains and judges each candidate from its own student₀, then the chosen one", async () => {
    const { coordinator, participant, training } = setUp(PROBES);
    coordinator.chosen = 2;
    await expect(participant.run()).resolves.toMatchObject({ kind: "finished", round: 9 });
    expect(training.scored).toEqual([
      "watch 0",
      "judge 1",
      "watch 2",
      "judge 3",
      "watch 4",
      "judge 5",
      "watch 6",
      "watch 7",
      "judge 8",
    ]);
    // Schedules begin anew with every leg.
    expect(training.begun).toEqual([0, 0, 0, 0, 4]);
    const [first, second, third, main] = training.students;
    expect(main).toEqual(third);
    expect(first).not.toEqual(second);
    expect(second).not.toEqual(third);
    // None of the four was fetched: each was recomputed.
    const started = coordinator.view.starts.flatMap(({ initialStudent }) => initialStudent);
    const fetched = coordinator.calls.map(({ path }) => path.replace("/blobs/", ""));
    for (const digest of started) expect(fetched).not.toContain(digest);
  });

  it("says which probe it is at", async () => {
    const { participant, seen } = setUp(PROBES);
    await participant.run();
    const parts = seen.flatMap((status) =>
      status.kind === "training" || status.kind === "judging" ? [JSON.stringify(status.part)] : [],
    );
    expect([...new Set(parts)].map((part) => JSON.parse(part) as unknown)).toEqual([
      { kind: "probe", number: 1, of: 3 },
      { kind: "probe", number: 2, of: 3 },
      { kind: "probe", number: 3, of: 3 },
      { kind: "main" },
    ]);
  });

  it.each([
    [
      "a slice of another",
      { student: (digests: string[]) => ["0".repeat(64), ...digests.slice(1)] },
    ],
    ["a slice missing", { student: (digests: string[]) => digests.slice(1) }],
    ["an unknown candidate", { candidate: 3 }],
  ])("[I1][J4] does not train a leg that starts from %s", async (_, lie) => {
    const { coordinator, participant, training } = setUp(PROBES);
    const { starts } = coordinator.view;
    coordinator.reply = (): CheckInReply | undefined => {
      if (coordinator.round !== 2) return undefined;
      const { candidate = 1, student = (digests: string[]) => digests } = lie as {
        candidate?: number;
        student?: (digests: string[]) => string[];
      };
      return {
        kind: "assignment",
        round: 2,
        attempt: 0,
        deadline: 0,
        student: student(starts[1]!.initialStudent),
        leg: { kind: "probe", candidate, roundOfLeg: 0, trainingRounds: 1 },
        startStep: 0,
        totalSteps: 4,
        localSteps: 4,
      };
    };
    await expect(participant.run()).rejects.toMatchObject({
      code: "campaign-not-verified",
      message: expect.stringContaining("round 2 opens a probe leg"),
    });
    expect(training.begun).toEqual([0]);
  });
});
