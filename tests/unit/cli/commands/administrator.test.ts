import { afterEach, expect, it, vi } from "vitest";
import { administratorTable } from "../../../../client/cli/commands/administrator.ts";
import { auditTable } from "../../../../client/cli/commands/audit.ts";
import type { AuditEntry } from "../../../../protocol/round/administration.ts";
import { runRecorded } from "../recording-terminal.ts";

afterEach(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
});

const ADA = {
  id: `a-${"a".repeat(20)}`,
  name: "Ada",
  role: "run" as const,
  createdAt: 1,
  expiresAt: 1000,
  revoked: false,
};

const entry = (position: number): AuditEntry => ({
  position,
  at: position,
  who: { id: "owner", name: "owner" },
  what: "POST /admin/campaigns",
  status: 201,
  count: 1,
});

it("[A10] administrators are listed with what they may, until when, and whether still", () => {
  expect(administratorTable([], 0)).toContain("Nobody but the owner");
  const [, valid, expired, revoked] = [
    "",
    administratorTable([ADA], 999),
    administratorTable([ADA], 1000),
    administratorTable([{ ...ADA, revoked: true }], 0),
  ];
  expect(valid).toMatch(/Ada +run /);
  expect(valid).not.toMatch(/expired|revoked/);
  expect(expired).toContain("expired");
  expect(revoked).toContain("revoked");
});

it("[A10] a new administrator's token is all that is printed, so that scripts can keep it", async () => {
  vi.stubEnv("SCOUR_ADMIN_TOKEN", "token");
  const asked: unknown[] = [];
  vi.stubGlobal("fetch", (_: unknown, { body }: { body: string }) => {
    asked.push(JSON.parse(body));
    return Promise.resolve(Response.json({ ...ADA, token: "scour_admin_x" }, { status: 201 }));
  });
  const { code, notes, results } = await runRecorded(
    "administrator",
    "add",
    "Ada",
    "--role",
    "run",
  );
  expect(code).toBe(0);
  expect(results[0]!.text).toBe("scour_admin_x");
  expect(notes.join(" ")).toContain("told this once");
  expect(asked).toEqual([{ name: "Ada", role: "run" }]);
});

it("[A11] the audit log is read page by page as far as is wanted, and shown oldest first", async () => {
  vi.stubEnv("SCOUR_ADMIN_TOKEN", "token");
  const queries: string[] = [];
  vi.stubGlobal("fetch", (url: string | URL) => {
    const { search, searchParams } = new URL(String(url));
    queries.push(search);
    const before = Number(searchParams.get("before") ?? 301);
    const limit = Number(searchParams.get("limit"));
    const page = Array.from({ length: Math.min(limit, before - 1) }, (_, i) =>
      entry(before - 1 - i),
    );
    return Promise.resolve(Response.json(page));
  });
  const { results } = await runRecorded("audit", "--limit", "250", "--json");
  const positions = (results[0]!.value as AuditEntry[]).map(({ position }) => position);
  expect(positions).toEqual(Array.from({ length: 250 }, (_, i) => 300 - i));
  expect(queries).toEqual(["?limit=200", "?limit=50&before=101"]);
});

it("[A11] refused tokens stand in it as a number", () => {
  const refused = { ...entry(1), who: null, what: "refused", status: 401, count: 17 };
  expect(auditTable([refused])).toMatch(/– +refused +401 +17 times within an hour/);
  expect(auditTable([])).toBe("Nothing yet.");
});
