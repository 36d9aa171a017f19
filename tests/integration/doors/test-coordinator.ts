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

/** How long a hook may take that starts one: a start bundles the Worker, and others may be busy. */
export const START_MS = 300_000;

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
