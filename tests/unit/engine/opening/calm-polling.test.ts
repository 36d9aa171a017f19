import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { pollCalmly } from "../../../../client/engine/opening/calm-polling.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

const promised = (): Promise<void> => Promise.resolve();

/** A global object whose immediates run when the test says so. */
function hostOf() {
  const waiting: (() => void)[] = [];
  const setImmediate = Object.assign(
    (callback: (...args: unknown[]) => void, ...args: unknown[]) => {
      waiting.push(() => callback(...args));
      return "an immediate";
    },
    { [promisify.custom]: promised },
  );
  const host = { setImmediate: setImmediate as unknown as typeof globalThis.setImmediate };
  pollCalmly(host);
  return {
    host,
    waiting,
    runImmediates: () => {
      for (const callback of waiting.splice(0)) callback();
    },
  };
}

/** As a binding's function is: without a name, and without a source. */
const ofBinding = (callback: () => void): (() => void) => new Proxy(() => callback(), {});

it("a binding that waits long looks now and then, and what it asks for next at once", () => {
  const { host, runImmediates, waiting } = hostOf();
  let looks = 0;
  let isDone = false;
  const look = (): void => {
    looks++;
    if (!isDone) host.setImmediate(ofBinding(look));
  };
  host.setImmediate(ofBinding(look));
  for (const sofar of [1, 2, 3]) {
    runImmediates();
    expect(looks).toBe(sofar);
  }
  vi.advanceTimersByTime(2);
  runImmediates();
  expect([looks, waiting.length]).toEqual([4, 0]);
  vi.advanceTimersByTime(1);
  expect([looks, waiting.length]).toEqual([5, 0]);
  isDone = true;
  vi.advanceTimersByTime(10);
  expect(looks).toBe(6);
  host.setImmediate(ofBinding(look));
  expect(waiting).toHaveLength(1);
});

it("others' immediates stay what they were", async () => {
  const { host, runImmediates } = hostOf();
  const given: unknown[] = [];
  const note = function (this: unknown, ...args: unknown[]): void {
    given.push(this, ...args);
  };
  expect(host.setImmediate((value: string) => given.push(value), "a value")).toBe("an immediate");
  vi.advanceTimersByTime(5);
  host.setImmediate(note.bind("bound"), 1, 2);
  const settled = new Promise((resolve) => host.setImmediate(resolve, "what settles it"));
  runImmediates();
  expect(await settled).toBe("what settles it");
  expect(given).toEqual(["a value", "bound", 1, 2]);
  expect(promisify(host.setImmediate)).toBe(promised);
});
