import { describe, expect, it } from "vitest";
import { memoryIdentityStore } from "../../../client/participant/wire/identity.ts";
import { Participant } from "../../../client/participant/participant.ts";
import type { ParticipantPorts } from "../../../client/participant/ports.ts";
import type { ParticipantStatus } from "../../../client/participant/status.ts";
import { ProtocolError } from "../../../protocol/errors.ts";
import type { Start } from "../../../protocol/round/access.ts";
import { FakeCoordinator, INVITE, problem, type Call } from "./fake-coordinator.ts";
import { quickPorts, until } from "./quick-ports.ts";
import { ScriptedTraining } from "./scripted-training.ts";

/** A campaign of three probes of one round, then three rounds. */
const PROBES = {
  reinit: { strength: "auto" as const },
  probes: { strengths: [0.5, 1, 2], rounds: 1 },
};

function setUp(coordinator = new FakeCoordinator(), more: Partial<ParticipantPorts> = {}) {
  const training = new ScriptedTraining();
  const ports = quickPorts(coordinator, more);
  const participant = new Participant({ invite: INVITE, training, label: "test", ports });
  const seen: ParticipantStatus[] = [];
  participant.subscribe((status) => seen.push(status));
  return { coordinator, training, participant, ports, seen };
}

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

describe("lost connections", () => {
  for (const loss of ["lost-request", "lost-reply"] as const) {
    it(`at every call (${loss}) cost time only: nothing is trained or counted twice`, async () => {
      const { coordinator, participant, training } = setUp();
      const failed = new Set<string>();
      coordinator.interfere = ({ method, path }: Call) => {
        const key = `${method} ${path} ${coordinator.round}`;
        if (failed.has(key)) return undefined;
        failed.add(key);
        return loss;
      };
      await expect(participant.run()).resolves.toMatchObject({ kind: "finished" });
      expect(training.begun).toEqual([0, 4, 8]);
      expect(coordinator.updates).toHaveLength(4);
      expect(participant.totals).toMatchObject({ accepted: 3, rejected: 0, judged: 1 });
      expect(failed.size).toBeGreaterThan(15);
    });
  }

  it("are waited out without end, with growing pauses, and shown", async () => {
    const { coordinator, participant, ports, seen } = setUp();
    let down = 30;
    coordinator.interfere = () => (down-- > 0 ? "lost-request" : undefined);
    await participant.run();
    // random() is .5: half of 500 ms · 2^n, capped at 30 s.
    const backOff = ports.slept.filter((ms) => ms <= 15_000);
    expect(backOff.slice(0, 7)).toEqual([250, 500, 1000, 2000, 4000, 8000, 15_000]);
    expect(seen).toContainEqual(
      expect.objectContaining({
        kind: "waiting",
        reason: "connection-lost",
        detail: expect.stringContaining("cannot be reached"),
      }),
    );
  });

  it("are not worth a word when the first try again brings an answer", async () => {
    const { coordinator, participant, ports, seen } = setUp();
    let checkIns = 0;
    coordinator.interfere = ({ path }) =>
      path === "/check-in" && checkIns++ % 2 === 0 ? "lost-request" : undefined;
    await participant.run();
    expect(ports.slept.filter((ms) => ms === 250).length).toBeGreaterThan(1);
    expect(seen).not.toContainEqual(expect.objectContaining({ reason: "connection-lost" }));
  });

  it("of a coordinator that is overloaded honour Retry-After", async () => {
    const { coordinator, participant, ports } = setUp();
    const answers = [
      new Response("busy", { status: 503, headers: { "Retry-After": "7" } }),
      problem(new ProtocolError("quota-exceeded", "slow down"), { "Retry-After": "11" }),
    ];
    coordinator.interfere = ({ path }) => (path === "/check-in" ? answers.shift() : undefined);
    await participant.run();
    expect(ports.slept).toContain(7250);
    expect(ports.slept).toContain(11_500);
  });

  it("in the middle of a blob are resumed where they broke", async () => {
    const { coordinator, participant, ports, seen } = setUp();
    const { bytes, digest } = coordinator.view.model;
    const file = coordinator.blobs.get(digest)!;
    const half = Math.floor(bytes / 2);
    let broken = false;
    coordinator.interfere = ({ path }) => {
      if (broken || !path.startsWith("/blobs/")) return undefined;
      broken = true;
      const body = new ReadableStream({
        start: (controller) => controller.enqueue(file.slice(0, half)),
        pull: (controller) => controller.error(new TypeError("terminated")),
      });
      return new Response(body);
    };
    await participant.run();
    const ranges = coordinator.calls
      .filter(({ path }) => path === `/blobs/${digest}`)
      .map(({ headers }) => headers.get("Range"));
    expect(ranges).toEqual([null, `bytes=${half}-`]);
    expect(ports.slept).toContain(250);
    expect(seen).toContainEqual({ kind: "downloading", what: "teacher", bytes, totalBytes: bytes });
  });
});

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

type View = FakeCoordinator["view"];

/** Something untrue about the last student₀ that the campaign starts from. */
const lieOfStart =
  (lie: (start: Start) => Partial<Start>) =>
  ({ starts }: View): Partial<View> => ({
    starts: starts.map((start, i) =>
      i === starts.length - 1 ? Object.assign({ ...start }, lie(start)) : start,
    ),
  });

const flip = (digest: string): string => (digest.startsWith("0") ? "1" : "0") + digest.slice(1);

describe("a coordinator that lies", () => {
  for (const [what, lie] of [
    [
      "student₀",
      lieOfStart(({ initialStudent }) => ({ initialStudent: initialStudent.map(flip) })),
    ],
    [
      "a slice missing",
      lieOfStart(({ initialStudent }) => ({ initialStudent: initialStudent.slice(1) })),
    ],
    ["the mask", lieOfStart(({ maskDigest }) => ({ maskDigest: flip(maskDigest) }))],
    ["the strength", lieOfStart(({ strength }) => ({ strength: 2 * strength }))],
    ["a candidate more", ({ starts }) => ({ starts: [...starts, ...starts] })],
    ["the slices", (view) => ({ sliceLengths: [1, ...view.sliceLengths] })],
    [
      "the teacher's name",
      (view) => ({ config: { ...view.config, model: flip(view.config.model) } }),
    ],
    [
      "the seed",
      (view) => ({
        config: { ...view.config, reinit: { ...view.config.reinit, seed: "ab".repeat(32) } },
      }),
    ],
  ] satisfies [string, (view: View) => Partial<View>][]) {
    it(`[I1] about ${what} is refused before a step is taken`, async () => {
      const { coordinator, participant, training } = setUp(new FakeCoordinator(PROBES));
      Object.assign(coordinator.view, lie(coordinator.view));
      await expect(participant.run()).rejects.toMatchObject({ code: "campaign-not-verified" });
      expect(participant.status).toMatchObject({
        kind: "failed",
        hint: expect.stringContaining("Nothing more of yours is sent"),
      });
      expect(training.campaign).toBeUndefined();
      expect(coordinator.count("POST", /check-in/)).toBe(0);
    });
  }

  for (const [what, bytes] of [
    ["other bytes", (file: Uint8Array) => file.map((byte, i) => (i === 1000 ? byte ^ 1 : byte))],
    ["more bytes", (file: Uint8Array) => Uint8Array.from([...file, 0])],
  ] as const) {
    it(`[P4] about a blob's content (${what}) is refused`, async () => {
      const { coordinator, participant, training } = setUp();
      const { digest } = coordinator.view.model;
      coordinator.blobs.set(
        digest,
        bytes(coordinator.blobs.get(digest)!) as Uint8Array<ArrayBuffer>,
      );
      await expect(participant.run()).rejects.toMatchObject({ code: "campaign-not-verified" });
      expect(training.campaign).toBeUndefined();
      expect(coordinator.count("GET", /^\/blobs/)).toBeLessThanOrEqual(2);
    });
  }

  it("[P4] once about a blob, by the network's fault, is asked again", async () => {
    const { coordinator, participant } = setUp();
    const { bytes } = coordinator.view.model;
    let damaged = false;
    coordinator.interfere = ({ path }) => {
      if (damaged || !path.startsWith("/blobs/")) return undefined;
      damaged = true;
      return new Response(new Uint8Array(bytes));
    };
    await expect(participant.run()).resolves.toMatchObject({ kind: "finished" });
  });
});

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

describe("a credential", () => {
  it("[A6.3] that expired is renewed by itself, for the coordinator's own time, and kept", async () => {
    const coordinator = new FakeCoordinator();
    const identities = memoryIdentityStore();
    const { participant, training } = setUp(coordinator, { identities });
    let steps = 0;
    training.onStep = () => {
      // While it trains a day passes, and again.
      if (++steps === 2 || steps === 6) coordinator.expired.add(`Bearer ${coordinator.credential}`);
    };
    await expect(participant.run()).resolves.toMatchObject({ kind: "finished" });
    expect(coordinator.renewals).toHaveLength(2);
    expect(coordinator.renewals[0]!.time).toBe(coordinator.now);
    expect(coordinator.updates.filter(({ request }) => request.signature === undefined)).toEqual(
      [],
    );
    const key = `http://coordinator.test/${coordinator.view.id}`;
    expect(await identities.load(key)).toMatchObject({ credential: coordinator.credential });
  });

  it("[A6.3] is renewed by one who comes back a week later", async () => {
    const coordinator = new FakeCoordinator();
    const identities = memoryIdentityStore();
    const first = setUp(coordinator, { identities });
    first.training.onSearch = () => first.participant.stop();
    await expect(first.participant.run()).resolves.toEqual({ kind: "stopped" });
    coordinator.expired.add(`Bearer ${coordinator.credential}`);
    coordinator.now += 7 * 86_400_000;
    await expect(setUp(coordinator, { identities }).participant.run()).resolves.toMatchObject({
      kind: "finished",
    });
    expect(coordinator.enrolmentKeys.size).toBe(1);
    expect(coordinator.renewals).toHaveLength(1);
  });

  it("[A6.3] [P7] is renewed where the key that signed it is gone", async () => {
    const coordinator = new FakeCoordinator();
    const identities = memoryIdentityStore();
    const first = setUp(coordinator, { identities });
    first.training.onSearch = () => first.participant.stop();
    await expect(first.participant.run()).resolves.toEqual({ kind: "stopped" });
    // Nobody knows what the identity holds any more.
    coordinator.credential = "of another key";
    await expect(setUp(coordinator, { identities }).participant.run()).resolves.toMatchObject({
      kind: "finished",
    });
    expect(coordinator.enrolmentKeys.size).toBe(1);
    expect(coordinator.renewals).toHaveLength(1);
  });

  it("[A6.2] is signed for again where the coordinator names another time", async () => {
    const coordinator = new FakeCoordinator();
    const { participant } = setUp(coordinator);
    coordinator.interfere = ({ path }) => {
      if (path !== "/check-in" || coordinator.renewals.length > 0) return undefined;
      coordinator.interfere = () => undefined;
      const time = coordinator.now;
      coordinator.now += 1000;
      return problem(new ProtocolError("credential-expired", "renew it", { time }));
    };
    await expect(participant.run()).resolves.toMatchObject({ kind: "finished" });
    expect(coordinator.renewals.map(({ time }) => time)).toEqual([coordinator.now]);
    expect(coordinator.count("POST", /^\/renew/)).toBe(2);
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
