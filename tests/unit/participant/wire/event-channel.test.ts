import { expect, it } from "vitest";
import { Participant } from "../../../../client/participant/participant.ts";
import type { SocketConstructor } from "../../../../client/participant/ports.ts";
import {
  participantEventSchema,
  type CoordinatorEvent,
} from "../../../../protocol/round/events.ts";
import { FakeCoordinator, INVITE } from "../fake-coordinator.ts";
import { quickPorts, until } from "../quick-ports.ts";
import { ScriptedTraining } from "../scripted-training.ts";

/** Sockets of one test; each can be spoken through, and closed, from the other side. */
function fakeSockets() {
  const sockets: FakeSocket[] = [];
  class FakeSocket extends EventTarget {
    readonly sent: string[] = [];
    readonly url: string;
    readonly protocols: readonly string[];
    constructor(url: string, protocols: string[]) {
      super();
      this.url = url;
      this.protocols = protocols;
      sockets.push(this);
      setTimeout(() => this.dispatchEvent(new Event("open")), 0);
    }
    send(text: string): void {
      this.sent.push(text);
      if (text === "ping") this.say("pong");
    }
    close(): void {
      this.dispatchEvent(new Event("close"));
    }
    say(data: string): void {
      this.dispatchEvent(new MessageEvent("message", { data }));
    }
    tell(event: CoordinatorEvent): void {
      this.say(JSON.stringify(event));
    }
  }
  return { sockets, WebSocket: FakeSocket as unknown as SocketConstructor };
}

function setUp() {
  const coordinator = new FakeCoordinator();
  const { sockets, WebSocket } = fakeSockets();
  const training = new ScriptedTraining();
  const ports = quickPorts(coordinator, { WebSocket });
  const participant = new Participant({ invite: INVITE, training, ports });
  return { coordinator, participant, ports, sockets, training };
}

const hour = 3_600_000;

it("[E1] connects with version and credential as subprotocols, and pings", async () => {
  const { participant, sockets, training } = setUp();
  training.onStep = () => until(() => sockets[0]?.sent.includes("ping") === true);
  await participant.run();
  expect(sockets[0]!.url).toBe("ws://coordinator.test/api/v1/events");
  expect(sockets[0]!.protocols).toEqual(["scour.v1", "scour.bearer.credential"]);
});

it("[E2] an event wakes a waiting participant long before its time", async () => {
  const { coordinator, participant, sockets } = setUp();
  coordinator.reply = () => ({ kind: "wait", reason: "not-started", round: 0, retryAfterMs: hour });
  const running = participant.run();
  await until(() => sockets.length === 1 && sockets[0]!.sent.length > 0);
  await until(() => participant.status.kind === "waiting");
  coordinator.reply = undefined;
  sockets[0]!.tell({ type: "campaign-state", state: "running", detail: null });
  await expect(running).resolves.toMatchObject({ kind: "finished" });
});

it("[E2] a lost socket is opened anew, and what was missed is asked for", async () => {
  const { coordinator, participant, sockets } = setUp();
  coordinator.reply = () => ({ kind: "wait", reason: "not-started", round: 0, retryAfterMs: hour });
  const running = participant.run();
  await until(() => sockets[0] !== undefined && sockets[0].sent.length > 0);
  coordinator.reply = undefined;
  sockets[0]!.close();
  await expect(running).resolves.toMatchObject({ kind: "finished" });
  expect(sockets.length).toBeGreaterThan(1);
});

it("[E3] messages that do not parse are ignored", async () => {
  const { participant, sockets, training } = setUp();
  training.onStep = async (step) => {
    if (step !== 1) return;
    await until(() => sockets[0]?.sent.includes("ping") === true);
    for (const text of ["", "{", "null", '{"type":"unknown"}', '{"type":"round-opened"}']) {
      sockets[0]!.say(text);
    }
  };
  await expect(participant.run()).resolves.toMatchObject({ kind: "finished" });
});

it("gives up the steps of a round that an event says is over", async () => {
  const { coordinator, participant, sockets, training } = setUp();
  training.onStep = async (step) => {
    if (step !== 2) return;
    await until(() => sockets[0]?.sent.includes("ping") === true);
    coordinator.move({ attempt: 1 });
    sockets[0]!.tell({ type: "round-void", round: 0, attempt: 0, detail: "too few updates" });
  };
  await participant.run();
  expect(training.begun).toEqual([0, 0, 4, 8]);
  expect(training.steps).toBe(2 + 12);
  expect(coordinator.count("PUT", /^\/rounds\/0\/0/)).toBe(0);
});

it("gives up seeking what misleads the teacher when an event says that the campaign is over", async () => {
  const { coordinator, participant, sockets, training } = setUp();
  training.onSearch = async () => {
    await until(() => sockets[0]?.sent.includes("ping") === true);
    coordinator.outcome = { state: "aborted" };
    coordinator.reply = () => ({ kind: "ended", state: "aborted", detail: null, round: 0 });
    sockets[0]!.tell({ type: "campaign-state", state: "aborted", detail: null });
  };
  await expect(participant.run()).resolves.toMatchObject({ kind: "finished", state: "aborted" });
  expect(training.sought).toBe(false);
  expect(training.begun).toEqual([]);
});

it("tells watchers of its progress, at most every two seconds", async () => {
  const { participant, ports, sockets, training } = setUp();
  training.onStep = async () => {
    await until(() => sockets[0]?.sent.includes("ping") === true);
    await ports.clock.sleep(1000);
  };
  await participant.run();
  const progress = sockets[0]!.sent
    .filter((text) => text !== "ping")
    .map((text) => participantEventSchema.parse(JSON.parse(text)));
  expect(progress.length).toBeGreaterThan(2);
  expect(progress.length).toBeLessThan(12);
  expect(progress[0]).toMatchObject({ type: "progress", localSteps: 4 });
});
