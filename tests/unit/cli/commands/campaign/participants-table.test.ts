import { afterEach, expect, it, vi } from "vitest";
import type { ParticipantReport } from "../../../../../protocol/round/reports.ts";
import { runRecorded } from "../../recording-terminal.ts";

const PERSON: ParticipantReport = {
  id: `p-${"a".repeat(20)}`,
  invite: `i-${"c".repeat(20)}`,
  publicKey: "ab".repeat(32),
  label: "kitchen laptop",
  organisation: null,
  backend: "WebAssembly SIMD, 2 threads",
  imagesPerSecond: 41.26,
  fit: {
    images: 64,
    confidence: 0.88,
    entropy: 0.3,
    distance: 0.0123,
    otherwise: null,
    reading: null,
  },
  misfit: null,
  standing: null,
  connected: true,
  revoked: false,
  enrolledAt: 1,
  lastSeenAt: 2,
  updatesAccepted: 3,
  updatesRejected: 0,
  examples: 384,
  uploadedBytes: 10,
  progress: { round: 1, step: 4, localSteps: 6, loss: 0.5, imagesPerSecond: 39 },
};

afterEach(() => {
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
});

it("[R11] `campaign participants` shows each one's device, speed and assigned steps", async () => {
  const people = [
    PERSON,
    { ...PERSON, id: `p-${"b".repeat(20)}`, imagesPerSecond: null, fit: null },
  ];
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json(people)));
  vi.stubEnv("SCOUR_ADMIN_TOKEN", "token");
  const { code, results } = await runRecorded("campaign", "participants", `c-${"a".repeat(20)}`);
  expect(code).toBe(0);
  const [head, first, second] = results[0]!.text.split("\n");
  expect(head).toMatch(/backend +images\/s +pictures +state/);
  expect(first).toMatch(
    /kitchen laptop.*WebAssembly SIMD, 2 threads +41\.3 +88\.0 % sure, 0\.012 away +step 4 of 6/,
  );
  expect(second).toMatch(/threads +– +– +step 4/);
});

it("[P8.3] what participants say of themselves stays on its line", async () => {
  const evil = "\u001b[2J\u001b[31mx\np-forged connected\u202e";
  const people = [{ ...PERSON, label: evil, organisation: evil, backend: evil }];
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json(people)));
  vi.stubEnv("SCOUR_ADMIN_TOKEN", "token");
  const { results } = await runRecorded("campaign", "participants", `c-${"a".repeat(20)}`);
  const lines = results[0]!.text.split("\n");
  expect(lines).toHaveLength(2);
  expect(lines[1]).toMatch(/^p-a{20} +x p-forged connected +x p-forged connected +x p-forged/);
});

it("[A3] `campaign remove` removes one of them, and says why it could not", async () => {
  const asked: [string, string | undefined][] = [];
  const replies = [
    Response.json({ ...PERSON, revoked: true, closedInvite: PERSON.invite }),
    Response.json(
      { type: "about:blank", title: "x", status: 404, code: "not-found", detail: "no participant" },
      { status: 404, headers: { "content-type": "application/problem+json" } },
    ),
  ];
  vi.stubGlobal("fetch", (url: string | URL, init?: RequestInit) => {
    asked.push([String(url), init?.method]);
    return Promise.resolve(replies.shift()!);
  });
  vi.stubEnv("SCOUR_ADMIN_TOKEN", "token");
  const remove = () => runRecorded("campaign", "remove", `c-${"a".repeat(20)}`, PERSON.id);
  const { code, results } = await remove();
  expect(code).toBe(0);
  expect(results[0]).toMatchObject({
    value: { id: PERSON.id, removed: true, closedInvite: PERSON.invite },
    text: expect.stringContaining(`Its invite ${PERSON.invite} is closed`),
  });
  const path = `/api/v1/admin/campaigns/c-${"a".repeat(20)}/participants/${PERSON.id}`;
  expect(asked).toEqual([[expect.stringMatching(new RegExp(`${path}$`)), "DELETE"]]);
  const again = await remove();
  expect(again.code).toBe(1);
  expect(again.notes.join("\n")).toContain("no participant");
});
