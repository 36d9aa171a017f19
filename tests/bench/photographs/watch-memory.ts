import { readdir, readFile } from "node:fs/promises";

/** What a browser's processes hold at a moment. */
interface MemorySample {
  /** Since the watch began, s. */
  readonly seconds: number;
  /** Of the renderers, in which pages and their workers run. */
  readonly megabytes: number;
  /** Of the browser's other processes. */
  readonly otherMegabytes: number;
}

interface MemoryWatch {
  readonly samples: readonly MemorySample[];
  stop(): void;
}

interface ChromiumProcess {
  readonly id: number;
  readonly isRenderer: boolean;
}

/**
 * Samples the memory of the browsers that this process has started: proportional set size, what of their
 * pages is in memory, those that are shared divided by who shares them. Linux only.
 */
export function watchMemory(everyMs = 500): MemoryWatch {
  const samples: MemorySample[] = [];
  const began = performance.now();
  const take = async (): Promise<void> => {
    let [renderers, others] = [0, 0];
    for (const { id, isRenderer } of await chromiumProcesses()) {
      const bytes = await proportionalBytes(id);
      if (isRenderer) renderers += bytes;
      else others += bytes;
    }
    samples.push({
      seconds: Math.round((performance.now() - began) / 100) / 10,
      megabytes: Math.round(renderers / 1e6),
      otherMegabytes: Math.round(others / 1e6),
    });
  };
  let taking: Promise<void> | undefined;
  const timer = setInterval(() => {
    // One that takes long is not joined by another.
    taking ??= take().finally(() => (taking = undefined));
  }, everyMs);
  return { samples, stop: () => clearInterval(timer) };
}

/** Those below this process, however deep. */
async function chromiumProcesses(): Promise<ChromiumProcess[]> {
  const parents = new Map<number, number>();
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    // The command's name, in brackets, may hold anything.
    const [, parent] = /\) \S (\d+) [^)]*$/.exec(await contentOf(name, "stat")) ?? [];
    if (parent !== undefined) parents.set(Number(name), Number(parent));
  }
  const isBelow = (id: number): boolean => {
    for (let at = parents.get(id); at !== undefined; at = parents.get(at)) {
      if (at === process.pid) return true;
    }
    return false;
  };
  const found: ChromiumProcess[] = [];
  for (const id of parents.keys()) {
    if (!isBelow(id)) continue;
    const command = await contentOf(id, "cmdline");
    if (!/chrom/i.test(command.split("\0", 1)[0] ?? "")) continue;
    found.push({ id, isRenderer: command.includes("--type=renderer") });
  }
  return found;
}

/** 0 for a process that has just ended. */
async function proportionalBytes(id: number): Promise<number> {
  const [, kibibytes] = /^Pss:\s+(\d+) kB$/m.exec(await contentOf(id, "smaps_rollup")) ?? [];
  return 1024 * Number(kibibytes ?? 0);
}

/** "" where the process has ended. */
async function contentOf(id: number | string, file: string): Promise<string> {
  return await readFile(`/proc/${id}/${file}`, "utf8").catch(() => "");
}
