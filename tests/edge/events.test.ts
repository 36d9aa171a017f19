import { evictDurableObject, reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import type { CoordinatorEvent } from "../../protocol/round/events.ts";
import type { ParticipantReport } from "../../protocol/round/reports.ts";
import {
  act,
  ADMIN,
  ask,
  committed,
  control,
  eventually,
  expectProblem,
  passDeadline,
  runningCampaign,
  send,
  until,
  type Volunteer,
} from "./coordinator.ts";
import { updateOf } from "./what-is-sent.ts";

afterEach(() => reset());

interface Listener {
  readonly socket: WebSocket;
  readonly messages: string[];
  events(): CoordinatorEvent[];
}

async function listen(volunteer: Volunteer): Promise<Listener> {
  const response = await send("/api/v1/events", {
    headers: {
      Upgrade: "websocket",
      "Sec-WebSocket-Protocol": `scour.v1, scour.bearer.${volunteer.credential}`,
    },
  });
  expect(response.status).toBe(101);
  expect(response.headers.get("Sec-WebSocket-Protocol")).toBe("scour.v1");
  const socket = response.webSocket!;
  const messages: string[] = [];
  socket.addEventListener("message", ({ data }) => void messages.push(String(data)));
  socket.accept();
  return {
    socket,
    messages,
    events: () => messages.map((text) => JSON.parse(text) as CoordinatorEvent),
  };
}

function participants(id: string): Promise<ParticipantReport[]> {
  return ask(`/api/v1/admin/campaigns/${id}/participants`, { token: ADMIN });
}

const open = (protocols: string | undefined, upgrade = true) =>
  send("/api/v1/events", {
    headers: {
      ...(upgrade && { Upgrade: "websocket" }),
      ...(protocols !== undefined && { "Sec-WebSocket-Protocol": protocols }),
    },
  });
await expectProblem(await open(undefined), 401, "unauthenticated");

describe("the event socket", () => {
  it("[E2] hints at what a check-in tells", async () => {
    const { id, volunteers } = await runningCampaign(1, { round: { goal: 1 } });
    const [volunteer] = volunteers as [Volunteer];
    const { events } = await listen(volunteer);
    await act(id, "pause");
    await act(id, "resume");
    await volunteer.contribute(updateOf(volunteer.view, 1));
    await until(id, committed(1));
    await volunteer.contribute(updateOf(volunteer.view, 2));
    await until(id, committed(2));
    await volunteer.judge();
    await until(id, committed(3));
    await eventually(() => expect(events().at(-1)).toMatchObject({ state: "finished" }));
    expect(events()).toEqual([
      { type: "campaign-state", state: "paused", detail: null },
      { type: "campaign-state", state: "running", detail: null },
      { type: "round-opened", round: 0, attempt: 0 },
      { type: "round-committed", round: 0, updates: 1 },
      { type: "round-opened", round: 1, attempt: 0 },
      { type: "round-committed", round: 1, updates: 1 },
      { type: "round-opened", round: 2, attempt: 0 },
      { type: "round-committed", round: 2, updates: 1 },
      { type: "campaign-state", state: "finished", detail: null },
    ]);
  });

  it("[E2] tells of void attempts", async () => {
    const { id, volunteers } = await runningCampaign(1);
    const { events } = await listen(volunteers[0]!);
    await volunteers[0]!.assignment();
    await passDeadline(id);
    await eventually(() => expect(events()).toHaveLength(2));
    expect(events()).toMatchObject([
      { type: "round-void", round: 0, attempt: 0 },
      { type: "round-opened", round: 0, attempt: 1 },
    ]);
  });

  it("[E3] answers ping, ignores and counts what does not parse", async () => {
    const { id, volunteers } = await runningCampaign(1);
    const { socket, messages } = await listen(volunteers[0]!);
    socket.send("ping");
    await eventually(() => expect(messages).toEqual(["pong"]));
    for (const text of ["{", "[]", '{"type":"progress"}', "x".repeat(5000)]) socket.send(text);
    socket.send(new Uint8Array(3));
    await eventually(async () => {
      const text = await (await send("/api/v1/admin/metrics", { token: ADMIN })).text();
      expect(text).toMatch(new RegExp(`scour_malformed_events_total{campaign="${id}".*} 5`));
    });
    socket.send("ping");
    await eventually(() => expect(messages).toEqual(["pong", "pong"]));
  });

  it("shows the last progress, also after hibernation", async () => {
    const { id, volunteers } = await runningCampaign(1);
    const { socket, events } = await listen(volunteers[0]!);
    const progress = { round: 0, step: 1, localSteps: 2, loss: 0.25, imagesPerSecond: 12.5 };
    socket.send(JSON.stringify({ type: "progress", ...progress, step: 0 }));
    socket.send(JSON.stringify({ type: "progress", ...progress }));
    await eventually(async () => expect((await participants(id))[0]!.progress).toEqual(progress));
    await evictDurableObject(control(id));
    expect((await participants(id))[0]).toMatchObject({ connected: true, progress });
    await act(id, "pause");
    await eventually(() =>
      expect(events()).toEqual([{ type: "campaign-state", state: "paused", detail: null }]),
    );
    socket.close(1000, "done");
    await eventually(async () => expect((await participants(id))[0]!.progress).toBeNull());
  });

  it("[E4] hears how the campaign ended before it is closed", async () => {
    const { id, volunteers } = await runningCampaign(1);
    const { socket, events } = await listen(volunteers[0]!);
    const closed = new Promise<CloseEvent>((resolve) => {
      socket.addEventListener("close", resolve);
    });
    await act(id, "abort");
    expect(await closed).toMatchObject({ code: 1000, reason: "the campaign is aborted" });
    expect(events()).toEqual([{ type: "campaign-state", state: "aborted", detail: null }]);
  });

  it("[A3] is closed when its participant is removed", async () => {
    const { id, volunteers } = await runningCampaign(1);
    const { socket } = await listen(volunteers[0]!);
    const closed = new Promise<number>((resolve) => {
      socket.addEventListener("close", ({ code }) => resolve(code));
    });
    const path = `/api/v1/admin/campaigns/${id}/participants/${volunteers[0]!.id}`;
    await ask(path, { method: "DELETE", token: ADMIN });
    expect(await closed).toBe(1008);
  });

  it("[E1] needs version, credential and an upgrade", async () => {
    const { id, volunteers } = await runningCampaign(1);
    const token = volunteers[0]!.credential;
    await expectProblem(await open("scour.v1"), 401, "unauthenticated");
    await expectProblem(await open(`scour.bearer.${token}`), 401, "unauthenticated");
    await expectProblem(await open("scour.v1, scour.bearer.x"), 401, "unauthenticated");
    await expectProblem(await open(`scour.v1, scour.bearer.${ADMIN}`), 403, "forbidden");
    const plain = await open(`scour.v1, scour.bearer.${token}`, false);
    await expectProblem(plain, 400, "malformed-request");
    const path = `/api/v1/admin/campaigns/${id}/participants/${volunteers[0]!.id}`;
    await ask(path, { method: "DELETE", token: ADMIN });
    await expectProblem(await open(`scour.v1, scour.bearer.${token}`), 403, "participant-revoked");
  });
});
