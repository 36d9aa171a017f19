import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CommandError } from "../command-error.ts";
import { isRunning, killProcess, markProcess, type ProcessMark } from "./running-process.ts";

/** How long a coordinator that is just shutting down is waited for. */
const PATIENCE_MS = 6000;
const RETRY_MS = 150;

interface LockRecord {
  readonly owner: ProcessMark;
  /** Workers runtimes the owner started. */
  readonly runtimes: readonly ProcessMark[];
}

/** One coordinator's hold on a state folder. */
export interface StateLock {
  /** Notes a Workers runtime, so that the next coordinator ends it should it be left behind. */
  addRuntime(mark: ProcessMark): void;
  release(): void;
}

/**
 * Takes hold of a state folder: two coordinators on one state would corrupt it. What a killed
 * coordinator left running is ended first; a living one is waited for a moment.
 *
 * @throws CommandError when another coordinator goes on using the folder.
 *
 * @example
 * const lock = await lockState(".scour");
 */
export async function lockState(
  stateDir: string,
  patienceMs: number = PATIENCE_MS,
): Promise<StateLock> {
  const path = join(stateDir, "coordinator.lock");
  const owner = markProcess(process.pid);
  if (owner === undefined) throw new Error("this process cannot be inspected");
  const giveUpAt = Date.now() + patienceMs;
  let record: LockRecord = { owner, runtimes: [] };
  while (!createExclusively(path, record)) {
    const held = readRecord(path);
    if (held !== undefined && isRunning(held.owner)) {
      if (Date.now() > giveUpAt) {
        throw new CommandError(
          `another coordinator (process ${held.owner.pid}) uses the state in ${stateDir}`,
          "Stop it first, or give this one another folder with --state.",
        );
      }
      await delay(RETRY_MS);
      continue;
    }
    held?.runtimes.forEach(killProcess);
    while (held?.runtimes.some(isRunning) === true) await delay(RETRY_MS);
    // Renaming first: of two coordinators that find the same stale lock, one removes it.
    const stale = `${path}.stale-${process.pid}`;
    try {
      renameSync(path, stale);
      rmSync(stale, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return {
    addRuntime(mark) {
      record = { owner, runtimes: [...record.runtimes.filter(isRunning), mark] };
      const next = `${path}.next`;
      writeFileSync(next, JSON.stringify(record), { mode: 0o600 });
      renameSync(next, path);
    },
    release: () => rmSync(path, { force: true }),
  };
}

/** The process that runs a coordinator on this state; undefined when none does. */
export function lockHolder(stateDir: string): number | undefined {
  const held = readRecord(join(stateDir, "coordinator.lock"));
  return held !== undefined && isRunning(held.owner) ? held.owner.pid : undefined;
}

function createExclusively(path: string, record: LockRecord): boolean {
  try {
    writeFileSync(path, JSON.stringify(record), { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function readRecord(path: string): LockRecord | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as LockRecord;
  } catch {
    // Gone again, or cut short when its writer was killed: nobody holds it.
    return undefined;
  }
}
