import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** A process that ran at some moment; ids are used again, so its start is part of its name. */
export interface ProcessMark {
  readonly pid: number;
  /** Opaque; equal for the same process only. */
  readonly started: string;
}

interface ProcessFacts extends ProcessMark {
  readonly parent: number;
  readonly command: string;
}

/** What is known of a process; undefined when there is none, or only its unreaped remains. */
function inspectProcess(pid: number): ProcessFacts | undefined {
  return process.platform === "linux" ? inspectProc(pid) : inspectWithPs(pid);
}

function inspectProc(pid: number): ProcessFacts | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command's name stands in parentheses and may hold any character: count from its end.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, parent] = fields;
    const started = fields[19];
    if (state === "Z" || state === "X" || started === undefined) return undefined;
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
    return { pid, parent: Number(parent), started, command };
  } catch {
    return undefined;
  }
}

function inspectWithPs(pid: number): ProcessFacts | undefined {
  const column = (name: string): string =>
    execFileSync("ps", ["-o", `${name}=`, "-p", String(pid)], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  try {
    if (column("stat").startsWith("Z")) return undefined;
    return {
      pid,
      parent: Number(column("ppid")),
      started: column("lstart"),
      command: column("args"),
    };
  } catch {
    return undefined;
  }
}

/** Names a running process; undefined when there is none of this id. */
export function markProcess(pid: number): ProcessMark | undefined {
  const facts = inspectProcess(pid);
  return facts && { pid, started: facts.started };
}

/** Whether this very process still runs, not another that got its id since. */
export function isRunning(mark: ProcessMark): boolean {
  return inspectProcess(mark.pid)?.started === mark.started;
}

/** Ends this very process at once (SIGKILL); does nothing when it ended already. */
export function killProcess(mark: ProcessMark): void {
  if (!isRunning(mark)) return;
  try {
    process.kill(mark.pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/**
 * The processes between this one and the npm that started it, npm included; empty when npm did not.
 * npm passes signals on, but when it is killed outright nothing tells its script.
 */
export function npmAncestors(): readonly ProcessMark[] {
  if (process.env["npm_lifecycle_event"] === undefined) return [];
  const ancestors: ProcessMark[] = [];
  let pid = process.ppid;
  // npm runs a script through at most one shell.
  for (let depth = 0; depth < 2; depth++) {
    const facts = inspectProcess(pid);
    if (facts === undefined) return [];
    ancestors.push({ pid, started: facts.started });
    if (/^npm\b|\bnpm(-cli\.js)?(\s|$)/.test(facts.command)) return ancestors;
    pid = facts.parent;
  }
  return [];
}
