import { systemClock, type ParticipantPorts } from "../../../client/participant/ports.ts";
import type { FakeCoordinator } from "./fake-coordinator.ts";

/** How many times faster than the wall a test's clock runs. */
const SPEED = 200;

/** Ports on a fake coordinator, without sockets, in quick motion. `slept` lists the waits asked for. */
export function quickPorts(
  coordinator: FakeCoordinator,
  more: Partial<ParticipantPorts> = {},
): Partial<ParticipantPorts> & { readonly slept: number[] } {
  const slept: number[] = [];
  return {
    fetch: coordinator.fetch,
    WebSocket: undefined,
    random: () => 0.5,
    clock: {
      now: () => systemClock.now() * SPEED,
      sleep: (ms, signal) => {
        slept.push(ms);
        return systemClock.sleep(ms / SPEED, signal);
      },
    },
    ...more,
    slept,
  };
}
