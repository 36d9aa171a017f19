import fc from "fast-check";
import { expect, it } from "vitest";
import { ConnectionError } from "../../../../client/participant/wire/connection-error.ts";
import { retrying } from "../../../../client/participant/wire/retry.ts";
import { PROBLEMS, ProtocolError, type ProblemCode } from "../../../../protocol/errors.ts";

function delaysOf(failures: readonly Error[], random: () => number) {
  const slept: number[] = [];
  const left = [...failures];
  const clock = {
    now: () => 0,
    sleep: (ms: number) => {
      slept.push(ms);
      return Promise.resolve();
    },
  };
  const work = (): Promise<string> => {
    const error = left.shift();
    return error === undefined ? Promise.resolve("done") : Promise.reject(error);
  };
  const signal = new AbortController().signal;
  return { slept, done: retrying(work, { clock, random, signal }) };
}

const unreachable = () => Promise.reject(new ConnectionError("unreachable", "away"));

it("waits a random part of a doubling ceiling that stops at 30 s, however often it fails", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 60 }),
      fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), {
        minLength: 60,
        maxLength: 60,
      }),
      async (failures, randoms) => {
        const errors = Array.from(
          { length: failures },
          () => new ConnectionError("unreachable", "away"),
        );
        let drawn = 0;
        const { done, slept } = delaysOf(errors, () => randoms[drawn++]!);
        await expect(done).resolves.toBe("done");
        expect(slept).toEqual(errors.map((_, i) => randoms[i]! * Math.min(30_000, 500 * 2 ** i)));
      },
    ),
  );
});

it("waits at least as long as it is asked to", async () => {
  const asked = [
    new ConnectionError("unavailable", "busy", { retryAfterMs: 60_000 }),
    new ProtocolError("quota-exceeded", "slow down", { retryAfterMs: 90_000 }),
  ];
  const { done, slept } = delaysOf(asked, () => 0);
  await done;
  expect(slept).toEqual([60_000, 90_000]);
});

it("tries again only after problems that pass by themselves", async () => {
  const passing = new Set<ProblemCode>([
    "quota-exceeded",
    "internal",
    "not-configured",
    "stored-by-later-version",
    "request-timeout",
    "too-many-requests",
    "unavailable",
  ]);
  for (const code of Object.keys(PROBLEMS) as ProblemCode[]) {
    const error = new ProtocolError(code, "no");
    const { done } = delaysOf([error], () => 0);
    if (passing.has(code)) await expect(done).resolves.toBe("done");
    else await expect(done).rejects.toBe(error);
  }
});

it("ends with the signal's reason, also while it waits", async () => {
  const stop = new AbortController();
  const reason = new Error("stopped");
  const clock = {
    now: () => 0,
    sleep: () => {
      stop.abort(reason);
      return Promise.reject(reason);
    },
  };
  const done = retrying(unreachable, { clock, random: Math.random, signal: stop.signal });
  await expect(done).rejects.toBe(reason);
});
