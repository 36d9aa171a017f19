import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { isRunning, type ProcessMark } from "../../client/cli/coordinator/running-process.ts";

/** Real processes of the command line, as people start them. */

export const SCOUR = fileURLToPath(new URL("../../client/cli/scour.mjs", import.meta.url));

/** A command that still runs. */
export interface RunningCommand {
  readonly child: ChildProcess;
  /** All it has said so far. */
  stdout(): string;
  stderr(): string;
  /** Resolves with its exit code, null after a signal. */
  readonly ended: Promise<number | null>;
  /** Resolves once standard error matches; rejects when the command ends first. */
  says(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
}

export interface CommandEnvironment {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Starts `scour …` as a process; it is ended with the test, should it still run. */
export function startScour(
  args: readonly string[],
  options: CommandEnvironment = {},
): RunningCommand {
  return startProcess(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", SCOUR, ...args],
    options,
  );
}

/** Starts any program the same way. */
export function startProcess(
  program: string,
  args: readonly string[],
  { env, cwd }: CommandEnvironment = {},
): RunningCommand {
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...cleanEnvironment(), ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => void (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => void (stderr += text));
  const ended = once(child, "close").then(([code]) => code as number | null);
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    await ended;
  });
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    async says(pattern, timeoutMs = 60_000) {
      const giveUpAt = Date.now() + timeoutMs;
      for (;;) {
        const match = pattern.exec(stderr);
        if (match !== null) return match;
        if (child.exitCode !== null || child.signalCode !== null) {
          throw new Error(`the command ended without saying ${String(pattern)}:\n${stderr}`);
        }
        if (Date.now() > giveUpAt) throw new Error(`it never said ${String(pattern)}:\n${stderr}`);
        await delay(50);
      }
    },
  };
}

/** The tests' own environment, without what would steer the command line. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(npm_|SCOUR_|VITEST|NODE_ENV$)/.test(name)),
  );
}

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `scour …` to its end. */
export async function runScour(
  args: readonly string[],
  options: CommandEnvironment = {},
): Promise<CommandResult> {
  const command = startScour(args, options);
  const code = await command.ended;
  return { code, stdout: command.stdout(), stderr: command.stderr() };
}

/** Runs `scour … --json` and parses all of its standard output as the one document it must be. */
export async function scourJson<Result>(
  args: readonly string[],
  options: CommandEnvironment = {},
): Promise<Result> {
  const { code, stdout, stderr } = await runScour([...args, "--json"], options);
  if (code !== 0) throw new Error(`scour ${args.join(" ")} ended with ${code}:\n${stderr}`);
  return JSON.parse(stdout) as Result;
}

/** A coordinator process that answers. */
export interface ServeProcess extends RunningCommand {
  readonly url: string;
  readonly stateDir: string;
  readonly adminToken: string;
  /** What `scour` commands need to reach it. */
  readonly access: CommandEnvironment;
}

export interface ServeOptions {
  readonly stateDir: string;
  readonly port: number;
  /** Default: the API alone. */
  readonly pages?: boolean;
}

/** Starts `scour serve` and waits until it is up. */
export async function startServe({ stateDir, port, pages }: ServeOptions): Promise<ServeProcess> {
  const command = startScour([
    "serve",
    "--port",
    String(port),
    "--state",
    stateDir,
    ...(pages === true ? [] : ["--no-pages"]),
  ]);
  await command.says(/coordinator is up/);
  const url = `http://127.0.0.1:${port}`;
  const adminToken = (await readFile(join(stateDir, "admin-token"), "utf8")).trim();
  return {
    ...command,
    url,
    stateDir,
    adminToken,
    access: { env: { SCOUR_URL: url, SCOUR_ADMIN_TOKEN: adminToken } },
  };
}

/** The Workers runtimes that the coordinator on this state has started and that still run. */
export async function runtimesOf(stateDir: string): Promise<ProcessMark[]> {
  const lock = JSON.parse(await readFile(join(stateDir, "coordinator.lock"), "utf8")) as {
    runtimes: ProcessMark[];
  };
  return lock.runtimes.filter(isRunning);
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A folder that goes with the test. */
export async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "scour-test-"));
  onTestFinished(async () => await rm(path, { recursive: true, force: true, maxRetries: 10 }));
  return path;
}

/** Waits until something holds; says what it waited for when it never does. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeoutMs = 30_000,
): Promise<void> {
  const giveUpAt = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > giveUpAt) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await delay(50);
  }
}

/** Whether a coordinator answers there. */
export async function answers(url: string): Promise<boolean> {
  const response = await fetch(`${url}/api/v1/health`).catch(() => undefined);
  await response?.body?.cancel();
  return response?.ok === true;
}
