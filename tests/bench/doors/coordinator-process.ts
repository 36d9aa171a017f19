import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isRunning, type ProcessMark } from "../../../client/cli/coordinator/running-process.ts";
import { BOUNDS_MS } from "../../patience.ts";

/** `scour serve` as a process of its own, for whoever has no test to end it. */

const SCOUR = fileURLToPath(new URL("../../../client/cli/scour.mjs", import.meta.url));

export interface CoordinatorProcess {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly stateDir: string;
  readonly adminToken: string;
  /** What it has said so far, its runtime's words included. */
  log(): string;
  hasEnded(): boolean;
  /** Ends it outright; its watchdog ends its runtime. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

export interface CoordinatorProcessOptions {
  readonly stateDir: string;
  readonly port: number;
  readonly flags?: readonly string[];
}

/** Starts a coordinator without pages and waits until it is up. */
export async function startCoordinatorProcess(
  options: CoordinatorProcessOptions,
): Promise<CoordinatorProcess> {
  const { flags = [], port, stateDir } = options;
  const place = ["--port", String(port), "--state", stateDir];
  const child = startScourProcess(["serve", "--no-pages", ...place, ...flags]);
  const giveUpAt = Date.now() + BOUNDS_MS.integration.wait;
  while (!/coordinator is up/.test(child.log())) {
    if (child.hasEnded() || Date.now() > giveUpAt) {
      child.process.kill("SIGKILL");
      throw new Error(`the coordinator did not start:\n${child.log()}`);
    }
    await delay(50);
  }
  const end = async (signal: "SIGKILL" | "SIGTERM"): Promise<void> => {
    if (!child.hasEnded()) child.process.kill(signal);
    await child.ended;
  };
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    pid: child.process.pid!,
    stateDir,
    adminToken: (await readFile(join(stateDir, "admin-token"), "utf8")).trim(),
    log: child.log,
    hasEnded: child.hasEnded,
    kill: () => end("SIGKILL"),
    stop: () => end("SIGTERM"),
  };
}

export interface ScourProcess {
  readonly process: ChildProcess;
  /** Standard output and error together. */
  log(): string;
  hasEnded(): boolean;
  /** Exit code; null after a signal. */
  readonly ended: Promise<number | null>;
}

/** Starts any `scour …`. */
export function startScourProcess(args: readonly string[]): ScourProcess {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", SCOUR, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: environment(),
  });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => void (log += text));
  }
  return {
    process: child,
    log: () => log,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    ended: once(child, "close").then(([code]) => code as number | null),
  };
}

/** Ours, without what would steer the command line. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(npm_|SCOUR_|VITEST|NODE_ENV$)/.test(name)),
  );
}

/** The Workers runtimes of the coordinator on this state that still run. */
export async function runtimesOf(stateDir: string): Promise<ProcessMark[]> {
  const text = await readFile(join(stateDir, "coordinator.lock"), "utf8").catch(() => "");
  // Being written just now, or not there: nothing is known to run.
  if (!text.endsWith("}")) return [];
  return (JSON.parse(text) as { runtimes: ProcessMark[] }).runtimes.filter(isRunning);
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
