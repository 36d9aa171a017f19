import { evictDurableObject, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { helperApp } from "../../edge/helper/app.ts";
import { askHelper } from "../../edge/slice/ask-helper.ts";
import { keystream } from "../../protocol/privacy/masks/keystream.ts";
import type { PrivateRound } from "../../protocol/privacy/private-round.ts";
import { HELPER_PATHS, pieceOf } from "../../protocol/privacy/two-operators/mask-sums.ts";
import {
  helperKeysOf,
  sealSeed,
  type Sealer,
} from "../../protocol/privacy/two-operators/sealed-seed.ts";
import type { SealedSeed } from "../../protocol/privacy/two-operators/sealed-seed-schema.ts";
import { addWords, wordsOf, zeroWords, type Words } from "../../protocol/privacy/vector/words.ts";
import { expectProblem } from "./coordinator.ts";
import { makeKeyPair } from "./key-pair.ts";
import { makeSealers } from "./private-people.ts";

const SECRET = "5c".repeat(32);
const CAMPAIGN = `c-${"b".repeat(20)}`;
const COUNT = 50;

let people: Sealer[];
let round: PrivateRound;
let seeds: Uint8Array<ArrayBuffer>[];
let sealed: SealedSeed[];

beforeAll(async () => {
  const organisations = [await makeKeyPair(), await makeKeyPair()];
  people = await makeSealers(5, CAMPAIGN, organisations);
  round = {
    version: 1,
    campaign: CAMPAIGN,
    round: 0,
    group: 0,
    student: "1".repeat(64),
    teacher: "2".repeat(64),
    config: "3".repeat(64),
    organisations: organisations.map(({ publicKey }) => publicKey).sort(),
    minimum: 3,
    helper: (await helperKeysOf(SECRET)).publicKey,
  };
  seeds = people.map(() => crypto.getRandomValues(new Uint8Array(32)));
  sealed = await Promise.all(people.map((person, i) => sealSeed(seeds[i]!, round, person)));
});

afterEach(() => reset());

function helper(path: string, init?: RequestInit, secret = SECRET): Promise<Response> {
  const bindings = { RECORDS: env.RECORDS, SCOUR_HELPER_KEY: secret };
  return Promise.resolve(helperApp.fetch(new Request(`http://helper.test${path}`, init), bindings));
}

function ask(who: readonly number[], changes: Record<string, unknown> = {}): Promise<Response> {
  const body = { round, seeds: who.map((i) => sealed[i]!), piece: 0, count: COUNT, ...changes };
  return helper(HELPER_PATHS.sums, { method: "POST", body: JSON.stringify(body) });
}

async function masksOf(who: readonly number[], piece: number, bits: 16 | 32): Promise<Words> {
  const sum = zeroWords(bits, COUNT);
  for (const i of who) addWords(sum, await (await keystream(seeds[i]!)).words(piece, bits, COUNT));
  return sum;
}

describe("a helper", () => {
  it("[M8.1] [M8.2] tells sums of masks, 16 bits a word in even pieces and 32 in odd ones", async () => {
    for (const bits of [16, 32] as const) {
      const piece = pieceOf(3, bits);
      const response = await ask([0, 1, 2, 3], { piece });
      expect(response.status).toBe(200);
      const words = wordsOf(bits, new Uint8Array(await response.arrayBuffer()));
      expect(words).toEqual(await masksOf([0, 1, 2, 3], piece, bits));
    }
  });

  it("[M8.3] keeps for good which set it answered for", async () => {
    expect((await ask([0, 1, 2, 3, 4])).status).toBe(200);
    await expectProblem(await ask([0, 1, 2, 3]), 403, "unsafe-sum");
    await evictDurableObject(env.RECORDS.getByName("all"));
    await expectProblem(await ask([0, 1, 2, 3]), 403, "unsafe-sum");
    const next = { ...round, round: 1 };
    const again = await Promise.all(people.map((person, i) => sealSeed(seeds[i]!, next, person)));
    const asked = ask([], { round: next, seeds: again.slice(0, 3) });
    expect(await (await asked).text()).toContain("nobody in common");
    expect((await ask([4, 3, 2, 1, 0], { piece: 2 })).status).toBe(200);
  });

  it("[M8.2] says who it is, and what is wrong with a request", async () => {
    expect(await (await helper(HELPER_PATHS.about)).json()).toMatchObject({
      key: round.helper,
      fingerprint: expect.stringMatching(/^([0-9a-f]{4} ){7}[0-9a-f]{4}$/),
    });
    await expectProblem(await helper(HELPER_PATHS.about, {}, "short"), 503, "not-configured");
    await expectProblem(await helper("/api/v1/masks"), 404, "not-found");
    await expectProblem(await ask([0, 1, 2], { count: 2 ** 20 }), 400, "malformed-request");
    await expectProblem(await ask([0, 1]), 403, "unsafe-sum");
    const long = { method: "POST", body: "x".repeat(70_000) };
    await expectProblem(await helper(HELPER_PATHS.sums, long), 413, "payload-too-large");
    const cut = { method: "POST", body: "{" };
    await expectProblem(await helper(HELPER_PATHS.sums, cut), 400, "malformed-request");
  });
});

function asking(): Promise<Words> {
  const set = { round, seeds: sealed.slice(0, 3) };
  return askHelper("http://helper.test", { ...set, piece: 0, count: COUNT });
}

describe("a coordinator that asks", () => {
  afterEach(() => vi.restoreAllMocks());

  it("[M9.5] reads no more than it asked for", async () => {
    let pulled = 0;
    const cancel = vi.fn<() => void>();
    const pull = (answer: ReadableStreamDefaultController<Uint8Array>): void => {
      pulled += 1;
      answer.enqueue(new Uint8Array(COUNT));
    };
    const endless = new ReadableStream<Uint8Array>({ pull, cancel }, { highWaterMark: 0 });
    vi.spyOn(globalThis, "fetch").mockResolvedValue(new Response(endless));
    await expect(asking()).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining(`more bytes, not ${2 * COUNT}`),
    });
    expect(pulled).toBe(3);
    expect(cancel).toHaveBeenCalledOnce();
  });

  it("[M9.5] does not wait for ever", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    vi.spyOn(globalThis, "fetch").mockImplementation(
      (_url, init) =>
        new Promise((_resolve, reject) => {
          const { signal } = init!;
          signal!.addEventListener("abort", () => reject(signal!.reason as Error));
        }),
    );
    const answer = expect(asking()).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("no whole answer in 120 seconds"),
    });
    await vi.runAllTimersAsync();
    await answer;
  });
});
