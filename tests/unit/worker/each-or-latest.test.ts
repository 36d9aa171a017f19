import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { eachOrLatest } from "../../../client/worker/each-or-latest.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function listener(kindOf?: (told: [string]) => string) {
  const heard: string[] = [];
  const tell = eachOrLatest<[string]>(100, (text) => void heard.push(text), kindOf);
  return { heard, tell };
}

it("passes the first call on at once and then only the latest of each interval", () => {
  const { heard, tell } = listener();
  for (const text of ["a", "b", "c"]) tell(text);
  expect(heard).toEqual(["a"]);
  vi.advanceTimersByTime(100);
  expect(heard).toEqual(["a", "c"]);
  vi.advanceTimersByTime(1000);
  expect(heard).toEqual(["a", "c"]);
});

it("passes a call of another kind on at once, and never an older one after it", () => {
  const { heard, tell } = listener(([text]) => text[0]!);
  for (const text of ["step 1", "step 2", "end"]) tell(text);
  expect(heard).toEqual(["step 1", "end"]);
  vi.advanceTimersByTime(1000);
  expect(heard).toEqual(["step 1", "end"]);
});
