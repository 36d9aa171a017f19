import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { plainRequest, withToken } from "../bench/doors/plain-request.ts";
import { Random } from "../bench/doors/random.ts";
import type { RawRequest } from "../bench/doors/raw-request.ts";
import { servedRoutes, type ServedRoute } from "../bench/doors/served-routes.ts";
import type { CampaignWorld } from "../bench/doors/world.ts";
import { ACCESS_TABLE, CALLERS, type AccessRow, type Caller } from "./doors/access-table.ts";
import { ask } from "./doors/ask.ts";
import { makeAccessWorld, STRANGERS, type AccessWorld } from "./doors/access-world.ts";
import { startReverseProxy, type ReverseProxy } from "./doors/reverse-proxy.ts";
import {
  BEHIND_PROXY,
  startTestCoordinator,
  type TestCoordinator,
} from "./doors/test-coordinator.ts";

/** Every route by every kind of caller (SPEC P6, A1 to A3), read from a table. */

let test: TestCoordinator;
let routes: ServedRoute[];

beforeAll(async () => {
  test = await startTestCoordinator(BEHIND_PROXY);
  routes = await servedRoutes(test.coordinator.url);
});

afterAll(async () => await test?.end());

const nameOf = ({ method, path }: { method: string; path: string }): string => `${method} ${path}`;

it("the access table has a row for every route that is served, and no other", () => {
  const rows = new Set(ACCESS_TABLE.map(nameOf));
  expect([...rows].sort()).toEqual(routes.map(nameOf).sort());
});

describe.each(["on the bare port", "behind a reverse proxy"])("%s", (place) => {
  let world: AccessWorld;
  let port: number;
  let proxy: ReverseProxy | undefined;

  beforeAll(async () => {
    world = await makeAccessWorld(test.coordinator);
    ({ port } = test.coordinator);
    if (place === "on the bare port") return;
    proxy = await startReverseProxy(test.coordinator.port);
    ({ port } = proxy);
  });

  afterAll(async () => await proxy?.stop());

  const statusOf = async (request: RawRequest): Promise<number | string> => {
    const ending = await ask(port, request);
    return typeof ending === "object" ? ending.status : ending;
  };

  it.each(ACCESS_TABLE.map((row) => [`${nameOf(row)} ${row.blob ?? ""}`, row] as const))(
    "[P6] %s opens for whom it must",
    async (_, row) => {
      const answered: Record<string, number | string> = {};
      for (const caller of CALLERS) {
        if (caller === "stranger") continue;
        const request = await requestOf(row, caller, routes, world);
        answered[caller] = await statusOf(withToken(request, world.tokens[caller]));
      }
      const strangers: Record<string, number | string> = {};
      const token = world.tokens.participant;
      for (const [name, attempt] of Object.entries(STRANGERS)) {
        strangers[name] = await statusOf(
          await attempt(await requestOf(row, "stranger", routes, world), token),
        );
      }
      const { stranger, ...expected } = row.expected;
      expect(answered).toEqual(expected);
      expect(strangers).toEqual(
        Object.fromEntries(Object.keys(STRANGERS).map((name) => [name, stranger])),
      );
    },
  );
});

/** The row's request in order, without a token. */
async function requestOf(
  row: AccessRow,
  caller: Caller,
  served: readonly ServedRoute[],
  world: AccessWorld,
): Promise<RawRequest> {
  const route = served.find((other) => nameOf(other) === nameOf(row))!;
  const { a, b, ended, spare } = world;
  const campaigns: Partial<Record<Caller, CampaignWorld>> = {
    "participant of another campaign": b,
    "participant of an ended campaign": ended,
    administrator: spare,
  };
  const campaign = campaigns[caller] ?? a;
  const digests: Readonly<Record<string, string>> = {
    "A's-teacher": a.model.digest,
    "A's-student": a.blobs[1]!,
    "B's-teacher": b.model.digest,
    "A's-update": a.updateDigests[0]!,
    unknown: "0".repeat(64),
  };
  const { request } = await plainRequest(route, {
    campaign: { ...campaign, volunteers: campaign.volunteers.slice(0, 1) },
    coordinator: world.coordinator,
    random: new Random("access", 0),
  });
  return row.blob === undefined
    ? request
    : { ...request, target: `/api/v1/blobs/${digests[row.blob]}` };
}
