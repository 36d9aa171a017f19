import { setTimeout as delay } from "node:timers/promises";
import { startScourProcess } from "../doors/coordinator-process.ts";
import { forgetPeak, peakBytes } from "./peak-memory.ts";

/** What a stage took; bytes are the most that were held, null of what had no part in it. */
export interface Taken {
  readonly seconds: number;
  readonly command: number | null;
  readonly coordinator: number | null;
  readonly runtime: number | null;
}

/** The processes of a coordinator. */
export interface Watched {
  readonly coordinator: number;
  readonly runtime: number;
}

/**
 * Measures some work.
 *
 * @param work gives the most bytes that the command line held, null where there was none
 */
export async function measure(
  watched: Watched | undefined,
  work: () => Promise<number | null>,
): Promise<Taken> {
  if (watched !== undefined) {
    await forgetPeak(watched.coordinator);
    await forgetPeak(watched.runtime);
  }
  const began = performance.now();
  const command = await work();
  const seconds = (performance.now() - began) / 1000;
  return {
    seconds,
    command,
    coordinator: watched === undefined ? null : await peakBytes(watched.coordinator),
    runtime: watched === undefined ? null : await peakBytes(watched.runtime),
  };
}

/**
 * Runs a `scour …` to its end.
 *
 * @returns the most bytes that it held
 * @throws Error with its words where it fails.
 */
export async function runCommand(args: readonly string[]): Promise<number> {
  const command = startScourProcess(args);
  let most = 0;
  while (!command.hasEnded()) {
    most = Math.max(most, await peakBytes(command.process.pid!));
    await delay(20);
  }
  if ((await command.ended) !== 0) throw new Error(`scour ${args.join(" ")}:\n${command.log()}`);
  return most;
}

/** Some work of this process. @returns the most bytes that it held meanwhile, with all else it has */
export async function inThisProcess(work: () => Promise<void>): Promise<number> {
  await forgetPeak(process.pid);
  await work();
  return await peakBytes(process.pid);
}
