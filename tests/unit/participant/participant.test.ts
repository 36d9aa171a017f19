import { describe, expect, it } from "vitest";
import { memoryIdentityStore } from "../../../client/participant/wire/identity.ts";
import type { ParticipantStatus } from "../../../client/participant/status.ts";
import type { Start } from "../../../protocol/round/access.ts";
import { FakeCoordinator } from "./fake-coordinator.ts";
import { setUp } from "./set-up.ts";
import { until } from "./quick-ports.ts";

const kinds = (seen: readonly ParticipantStatus[]): string[] =>
  seen.map(({ kind }) => kind).filter((kind, i, all) => kind !== all[i - 1]);

describe("a campaign without trouble", () => {
  it("goes from joining to finished, one update a round and scores at the end", async () => {
    const { coordinator, participant, seen, training } = setUp();
    await expect(participant.run()).resolves.toMatchObject({ kind: "finished", round: 4 });
    expect(training.begun).toEqual([0, 4, 8]);
    expect(coordinator.updates.map(({ round }) => round)).toEqual([0, 1, 2, 3]);
    for (const { request, values } of coordinator.updates.slice(0, 3)) {
      expect(values.every((value) => value === training.change)).toBe(true);
      expect(request).toMatchObject({
        examples: 8,
        loss: 0.25,
        agreement: 0.75,
        scores: training.scores,
        backend: "scripted",
      });
    }
    expect(participant.totals).toMatchObject({
      contributed: 3,
      accepted: 3,
      rejected: 0,
      judged: 1,
      images: 24,
    });
    expect(kinds(seen)).toEqual([
      "joining",
      "downloading",
      "verifying",
      "fitting",
      "seeking",
      "measuring",
      ...Array.from({ length: 3 }, () => ["downloading", "training", "uploading"]).flat(),
      "downloading",
      "judging",
      "uploading",
      "finished",
    ]);
    expect(training.closed).toBe(1);
  });

  it("[D9.7.1] seeks what it trains against before it asks for work, and can be paused and stopped in it", async () => {
    const { coordinator, participant, training } = setUp();
    training.onSearch = (search) => {
      if (search === 1) participant.pause();
    };
    const running = participant.run();
    await until(() => participant.status.kind === "paused");
    expect(coordinator.count("POST", /^\/check-in/)).toBe(0);
    participant.stop();
    await expect(running).resolves.toEqual({ kind: "stopped" });
    expect(training.sought).toBe(false);
    expect(coordinator.updates).toHaveLength(0);
  });

  it("leaves at once when told to finish while it seeks, and takes nobody's place", async () => {
    const { coordinator, participant, training } = setUp();
    training.onSearch = () => participant.finishRound();
    await expect(participant.run()).resolves.toEqual({ kind: "stopped" });
    expect(training.sought).toBe(false);
    expect(coordinator.count("POST", /^\/check-in/)).toBe(0);
  });

  it("[I1] starts round 0 from the student₀ it computed itself, without a download", async () => {
    const { coordinator, participant, training } = setUp();
    await participant.run();
    const { model, starts } = coordinator.view;
    const [{ initialStudent }] = starts as [Start];
    const fetched = coordinator.calls.map(({ path }) => path.replace("/blobs/", ""));
    expect(fetched).toContain(model.digest);
    for (const digest of initialStudent) expect(fetched).not.toContain(digest);
    const [first, second] = training.students;
    expect(second![0]).toBe(Math.fround(first![0]! - training.change));
  });

  it("counts the bytes that travel", async () => {
    const { coordinator, participant } = setUp();
    await participant.run();
    const { length, bytes } = coordinator.view.model;
    expect(participant.totals.bytesReceived).toBeGreaterThan(bytes + 2 * length * 4);
    expect(participant.totals.bytesSent).toBeGreaterThan(3 * length * 4);
    expect(participant.totals.bytesSent).toBeLessThan(3 * length * 4 + 10_000);
  });

  it("does not fetch slices again that did not change", async () => {
    const { coordinator, participant, training } = setUp();
    Object.defineProperty(training, "change", { value: 0 });
    await participant.run();
    expect(coordinator.count("GET", /^\/blobs/)).toBe(1);
  });
});

describe("a campaign's end", () => {
  it("[A8] is told in the outcome's own words", async () => {
    const coordinator = new FakeCoordinator();
    const evidenceGap = "nothing judged this result";
    coordinator.outcome = { detail: "the organiser was content", evidenceGap };
    const { participant } = setUp(coordinator);
    await expect(participant.run()).resolves.toMatchObject({
      kind: "finished",
      state: "finished",
      detail: "The organiser was content. Nothing judged this result.",
    });
  });

  it("[A8] that came while it was away is told to one who comes back", async () => {
    const coordinator = new FakeCoordinator();
    const identities = memoryIdentityStore();
    const first = setUp(coordinator, { identities });
    first.training.onSearch = () => first.participant.stop();
    await first.participant.run();
    coordinator.closed = true;
    coordinator.outcome = { state: "aborted" };
    const { participant, training } = setUp(coordinator, { identities });
    await expect(participant.run()).resolves.toMatchObject({ kind: "finished", state: "aborted" });
    expect(training.students).toHaveLength(0);
  });

  it("[A8] under a download ends it just so", async () => {
    const coordinator = new FakeCoordinator();
    const { participant } = setUp(coordinator);
    coordinator.interfere = ({ path }) => {
      if (path.startsWith("/blobs/")) coordinator.closed = true;
      return undefined;
    };
    await expect(participant.run()).resolves.toMatchObject({ kind: "finished" });
  });
});

it("[R14] without a socket it says now and then that it is at work", async () => {
  const coordinator = new FakeCoordinator({
    distillation: { rounds: 1, localSteps: 4, batchSize: 2 },
    round: { deadlineSeconds: 1 },
  });
  const { participant, ports, training } = setUp(coordinator);
  // Longer than a silence that costs the place.
  training.onStep = () => ports.clock.sleep(1000);
  await participant.run();
  // Beside the one look at what is stored that each of its uploads takes.
  expect(coordinator.count("GET", /\/upload$/)).toBeGreaterThan(1);
});
