import { vi } from "vitest";
import {
  systemClock,
  type Clock,
  type ParticipantPorts,
} from "../../../client/participant/ports.ts";
import { BOUNDS_MS } from "../../patience.ts";
import type { FakeCoordinator } from "./fake-coordinator.ts";

/** What a turn of the event loop is to a test's clock. */
const TURN_MS = 200;

/** What looking at it is: no two readings are the same. */
const READING_MS = 1e-3;

/**
 * A clock that turns of the event loop move, each of them a thousandth of a second at least, and not
 * the wall: a process that a busy machine leaves waiting misses nothing.
 */
function turningClock(): Clock {
  let time = 0;
  return {
    now: () => (time += READING_MS),
    async sleep(ms, signal) {
      for (let left = ms; left > 0; left -= TURN_MS) {
        const before = time;
        await systemClock.sleep(1, signal);
        // Whoever sleeps at the same time has moved it, or does so now.
        time = Math.max(time, before + Math.min(left, TURN_MS));
      }
      signal?.throwIfAborted();
    },
  };
}

export interface QuickPorts extends Partial<ParticipantPorts> {
  readonly clock: Clock;
  /** The waits asked for. */
  readonly slept: number[];
}

/** Ports on a fake coordinator, without sockets, in quick motion. */
export function quickPorts(
  coordinator: FakeCoordinator,
  more: Partial<ParticipantPorts> = {},
): QuickPorts {
  const slept: number[] = [];
  const clock = turningClock();
  return {
    fetch: coordinator.fetch,
    WebSocket: undefined,
    random: () => 0.5,
    ...more,
    clock: {
      now: () => clock.now(),
      sleep: (ms, signal) => {
        slept.push(ms);
        return clock.sleep(ms, signal);
      },
    },
    slept,
  };
}

/** Settles once the condition holds; fails with its words when it never does. */
export async function until(condition: () => boolean): Promise<void> {
  await vi.waitFor(
    () => {
      if (!condition()) throw new Error(`it never came that ${String(condition)}`);
    },
    { timeout: BOUNDS_MS.unit.wait, interval: 1 },
  );
}
