import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { isRunning, markProcess } from "../../../../client/cli/coordinator/running-process.ts";
import { lockState } from "../../../../client/cli/coordinator/state-lock.ts";
import { temporaryDirectory } from "../temporary-directory.ts";

/** A process that does nothing for as long as this one runs. */
async function idleProcess() {
  const child = spawn(process.execPath, ["-e", "process.stdin.resume()"], {
    stdio: ["pipe", "ignore", "ignore"],
  });
  await once(child, "spawn");
  onTestFinished(() => void child.kill("SIGKILL"));
  return { child, mark: markProcess(child.pid!)! };
}

async function endedProcess() {
  const { child, mark } = await idleProcess();
  child.kill("SIGKILL");
  await once(child, "exit");
  return mark;
}

describe("lockState", () => {
  it("ends what a killed coordinator left running, and takes its place", async () => {
    const stateDir = await temporaryDirectory();
    const orphan = await idleProcess();
    await writeFile(
      join(stateDir, "coordinator.lock"),
      JSON.stringify({ owner: await endedProcess(), runtimes: [orphan.mark] }),
    );
    const lock = await lockState(stateDir);
    expect(isRunning(orphan.mark)).toBe(false);
    const record: unknown = JSON.parse(await readFile(join(stateDir, "coordinator.lock"), "utf8"));
    expect(record).toEqual({ owner: markProcess(process.pid), runtimes: [] });
    lock.release();
  });

  it("leaves a process alone that got an old runtime's id since", async () => {
    const stateDir = await temporaryDirectory();
    const stranger = await idleProcess();
    await writeFile(
      join(stateDir, "coordinator.lock"),
      JSON.stringify({
        owner: await endedProcess(),
        runtimes: [{ ...stranger.mark, started: "long ago" }],
      }),
    );
    (await lockState(stateDir)).release();
    expect(isRunning(stranger.mark)).toBe(true);
  });

  it("waits for a living owner that lets go, and refuses when it does not", async () => {
    const stateDir = await temporaryDirectory();
    const first = await lockState(stateDir);
    await expect(lockState(stateDir, 200)).rejects.toThrow(
      `another coordinator (process ${process.pid})`,
    );
    const second = lockState(stateDir);
    first.release();
    (await second).release();
  });

  it("takes over a lock that was cut short", async () => {
    const stateDir = await temporaryDirectory();
    await writeFile(join(stateDir, "coordinator.lock"), '{"owner":{"pi');
    (await lockState(stateDir)).release();
  });

  it("remembers the runtimes that still run", async () => {
    const stateDir = await temporaryDirectory();
    const lock = await lockState(stateDir);
    lock.addRuntime(await endedProcess());
    const { mark } = await idleProcess();
    lock.addRuntime(mark);
    expect(JSON.parse(await readFile(join(stateDir, "coordinator.lock"), "utf8"))).toMatchObject({
      runtimes: [mark],
    });
    lock.release();
  });
});
