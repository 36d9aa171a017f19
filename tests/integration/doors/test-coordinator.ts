import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  freePort,
  startCoordinatorProcess,
  type CoordinatorProcess,
} from "../../bench/doors/coordinator-process.ts";

/** A coordinator on a temporary folder, for all tests of a file. */
export interface TestCoordinator {
  readonly coordinator: CoordinatorProcess;
  /** Stops it and removes its folder. */
  end(): Promise<void>;
}

/** What a proxy on this machine says of its callers is believed. */
export const BEHIND_PROXY = ["--trusted-proxy", "127.0.0.1"];

export async function startTestCoordinator(
  flags: readonly string[] = [],
): Promise<TestCoordinator> {
  const stateDir = await mkdtemp(join(tmpdir(), "scour-doors-"));
  const coordinator = await startCoordinatorProcess({ stateDir, port: await freePort(), flags });
  return {
    coordinator,
    async end() {
      await coordinator.stop();
      await rm(stateDir, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}
