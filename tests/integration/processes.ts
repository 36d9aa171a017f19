import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { onTestFailed, onTestFinished } from "vitest";
import { isRunning, type ProcessMark } from "../../client/cli/coordinator/running-process.ts";
import { BOUNDS_MS } from "../patience.ts";

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
  says(pattern: RegExp): Promise<RegExpExecArray>;
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

/** Starts any program the same way. Should the test fail, what it said is told. */
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
  onTestFailed(() => console.error(`${program} ${args.join(" ")} said:\n${stderr}`));
  onTestFinished(async () => {
    if (!hasEnded(command)) child.kill("SIGKILL");
    await ended;
  });
  const command: RunningCommand = {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    async says(pattern) {
      await until(`it says ${String(pattern)}`, () => pattern.test(stderr), [command]);
      return pattern.exec(stderr)!;
    },
  };
  return command;
}

function hasEnded({ child }: RunningCommand): boolean {
  return child.exitCode !== null || child.signalCode !== null;
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
  const adminToken = await tokenIn(stateDir);
  return {
    ...command,
    url,
    stateDir,
    adminToken,
    access: { env: { SCOUR_URL: url, SCOUR_ADMIN_TOKEN: adminToken } },
  };
}

/** The administrator's token that a state folder holds. */
export async function tokenIn(stateDir: string): Promise<string> {
  return (await readFile(join(stateDir, "admin-token"), "utf8")).trim();
}

/** The Workers runtimes that the coordinator on this state has started and that still run. */
export async function runtimesOf(stateDir: string): Promise<ProcessMark[]> {
  return (await lockOf(stateDir)).runtimes.filter(isRunning);
}

/** The process of the coordinator that holds this state. */
export async function ownerOf(stateDir: string): Promise<ProcessMark> {
  return (await lockOf(stateDir)).owner;
}

async function lockOf(stateDir: string): Promise<{ owner: ProcessMark; runtimes: ProcessMark[] }> {
  return JSON.parse(await readFile(join(stateDir, "coordinator.lock"), "utf8")) as {
    owner: ProcessMark;
    runtimes: ProcessMark[];
  };
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

/**
 * Waits until something holds.
 *
 * @param meanwhile commands without which it never will.
 * @throws Error that says what was waited for, when it never comes or a command ends before it does.
 */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  meanwhile: readonly RunningCommand[] = [],
): Promise<void> {
  const giveUpAt = Date.now() + BOUNDS_MS.integration.wait;
  for (;;) {
    const over = meanwhile.find(hasEnded);
    // All that it said is in by then, and what it did is done: looked at once more.
    await over?.ended;
    if (await holds()) return;
    if (over !== undefined) {
      const { exitCode, signalCode } = over.child;
      const how = signalCode ?? `exit code ${String(exitCode)}`;
      throw new Error(`waited in vain: ${what}; a command ended with ${how}:\n${over.stderr()}`);
    }
    if (Date.now() > giveUpAt) throw new Error(`waited in vain: ${what}`);
    await delay(50);
  }
}

/** Whether a coordinator answers there. */
export async function answers(url: string): Promise<boolean> {
  const response = await fetch(`${url}/api/v1/health`).catch(() => undefined);
  await response?.body?.cancel();
  return response?.ok === true;
}
