import { readFile } from "node:fs/promises";
import type { Browser } from "playwright";

/** What a tab's processes hold at a moment. */
interface MemorySample {
  /** Since the watch began, s. */
  readonly seconds: number;
  readonly megabytes: number;
}

interface MemoryWatch {
  readonly samples: readonly MemorySample[];
  stop(): void;
}

/**
 * Samples the memory of a browser's renderers, in which pages and their workers run: proportional set
 * size, what of their pages is in memory, those that are shared divided by who shares them. Linux only.
 */
export async function watchMemory(browser: Browser, everyMs = 500): Promise<MemoryWatch> {
  const session = await browser.newBrowserCDPSession();
  const samples: MemorySample[] = [];
  const began = performance.now();
  const take = async (): Promise<void> => {
    const { processInfo } = await session.send("SystemInfo.getProcessInfo");
    const renderers = processInfo.filter(({ type }) => type === "renderer");
    const held = await Promise.all(renderers.map(({ id }) => proportionalBytes(id)));
    const megabytes = Math.round(held.reduce((sum, bytes) => sum + bytes, 0) / 1e6);
    samples.push({ seconds: Math.round((performance.now() - began) / 100) / 10, megabytes });
  };
  let taking: Promise<void> | undefined;
  const timer = setInterval(() => {
    // One that takes long is not joined by another; the last ones see the browser close.
    taking ??= take()
      .catch(() => undefined)
      .finally(() => (taking = undefined));
  }, everyMs);
  return { samples, stop: () => clearInterval(timer) };
}

/** 0 for a process that has just ended. */
async function proportionalBytes(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, "utf8").catch(() => "");
  const [, kibibytes] = /^Pss:\s+(\d+) kB$/m.exec(text) ?? [];
  return 1024 * Number(kibibytes ?? 0);
}
