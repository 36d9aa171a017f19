import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { ChildProcess } from "node:child_process";
import { AsyncLocalStorage } from "node:async_hooks";
import { join } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { unstable_getMiniflareWorkerOptions as readWranglerConfig } from "wrangler";
import { markProcess, type ProcessMark } from "./running-process.ts";
import { bundleWorker, PROJECT_ROOT } from "./worker-bundle.ts";

export interface RuntimeOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Folder of Durable Objects and blobs. */
  readonly storage: string;
  readonly temporary: string;
  /** Folder of the pages. */
  readonly pages: string;
  readonly secrets: Readonly<Record<string, string>>;
  readonly report: (line: string) => void;
  /** A runtime process was started. */
  readonly onProcess: (mark: ProcessMark) => void;
  /** The runtime had ended by itself and runs again on the same port. */
  readonly onRestart: () => void;
}

/** The Worker, running in workerd. */
export interface WorkersRuntime {
  readonly url: URL;
  dispose(): Promise<void>;
}

type OnProcess = RuntimeOptions["onProcess"];

/** Says for whom a child process is started: two coordinators may share this process. */
const startedFor = new AsyncLocalStorage<OnProcess>();

function noteRuntimeProcess(message: unknown): void {
  const onProcess = startedFor.getStore();
  const { process: child } = message as { process: ChildProcess };
  if (onProcess === undefined) return;
  child.once("spawn", () => {
    const mark = child.pid === undefined ? undefined : markProcess(child.pid);
    if (mark !== undefined && /workerd/.test(child.spawnfile)) onProcess(mark);
  });
}

class ReportingLog extends Log {
  readonly #report: (line: string) => void;
  constructor(report: (line: string) => void) {
    super(LogLevel.ERROR);
    this.#report = report;
  }
  protected override log(message: string): void {
    this.#report(message);
  }
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Undoes the signal handlers that Miniflare installs: they end the process on the spot, before
 * anything else could stop in order. The watchdog sees to workerd whichever way we end.
 */
function withoutSignalHandlers<Result>(work: () => Result): Result {
  const before = SIGNALS.map((signal) => new Set(process.listeners(signal)));
  const result = work();
  SIGNALS.forEach((signal, index) => {
    for (const listener of process.listeners(signal)) {
      if (!before[index]!.has(listener)) process.off(signal, listener);
    }
  });
  return result;
}

/**
 * Bundles the Worker that wrangler.toml names and runs it in workerd, with its bindings from there,
 * its state on disk, and nothing fetched from outside.
 */
export async function startRuntime(options: RuntimeOptions): Promise<WorkersRuntime> {
  const { main, workerOptions } = readWranglerConfig(
    join(PROJECT_ROOT, "wrangler.toml"),
    undefined,
    {
      overrides: { assets: { directory: options.pages } },
    },
  );
  if (main === undefined) throw new Error("wrangler.toml names no Worker (main)");
  const contents = await bundleWorker(main);
  const configuration = convertV4MiniflareOptions({
    host: options.host,
    port: options.port,
    // Or Miniflare would fetch a sample of this object from the network.
    cf: false,
    telemetry: { enabled: false },
    logRequests: false,
    log: new ReportingLog(options.report),
    handleStructuredLogs: ({ level, message }) => options.report(`worker ${level}: ${message}`),
    handleUncaughtError: (error) => options.report(`worker error: ${error.stack ?? error.message}`),
    unsafeHandleRuntimeRestart: options.onRestart,
    resourcePersistencePath: options.storage,
    resourceTmpPath: options.temporary,
    workers: [
      {
        ...workerOptions,
        name: "scour",
        modules: [{ type: "ESModule", path: join(PROJECT_ROOT, "worker.js"), contents }],
        modulesRoot: PROJECT_ROOT,
        bindings: Object.assign({}, workerOptions.bindings, options.secrets),
      },
    ],
  });
  subscribe("child_process", noteRuntimeProcess);
  const dispose = async (runtime: Miniflare): Promise<void> => {
    unsubscribe("child_process", noteRuntimeProcess);
    await runtime.dispose();
  };
  const runtime = withoutSignalHandlers(() =>
    startedFor.run(options.onProcess, () => new Miniflare(configuration)),
  );
  try {
    const url = await runtime.ready;
    return { url: new URL(url.origin), dispose: () => dispose(runtime) };
  } catch (error) {
    await dispose(runtime).catch(() => {});
    throw error;
  }
}
