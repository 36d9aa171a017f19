import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { ChildProcess } from "node:child_process";
import { AsyncLocalStorage } from "node:async_hooks";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { PROJECT_ROOT } from "./project-root.ts";
import { markProcess, type ProcessMark } from "./running-process.ts";
import { bundleWorker } from "./worker-bundle.ts";
import { DOOR } from "./worker-socket.ts";
import { readWranglerConfig } from "./wrangler-config.ts";

export interface RuntimeOptions {
  /** The Worker's Wrangler file, in the project's root. */
  readonly wrangler: string;
  /** Folder, entered by nobody else, of the UNIX sockets it listens on. */
  readonly sockets: string;
  /** Folder of Durable Objects and blobs. */
  readonly storage: string;
  readonly temporary: string;
  /** Folder of the pages. */
  readonly pages: string;
  /** Bindings beside those of the Wrangler file. */
  readonly bindings: Readonly<Record<string, string>>;
  readonly report: (line: string) => void;
  /** A runtime process was started. */
  readonly onProcess: (mark: ProcessMark) => void;
  /** The runtime had ended by itself and runs again on the same socket. */
  readonly onRestart: () => void;
}

/** The Worker, running in workerd. */
export interface WorkersRuntime {
  dispose(): Promise<void>;
}

interface WorkerdPackage {
  readonly default: string;
}

/** workerd's own words, with its stack, for what a participant may do as often as it likes. */
const CALLERS_FAULT = /\bWebSocket protocol error\b/;

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

/** Wraps workerd: see there. */
const WORKERD_IN_PRIVATE = fileURLToPath(new URL("workerd.sh", import.meta.url));

/** workerd's own path, the one that Miniflare would take. */
const WORKERD =
  process.env["MINIFLARE_WORKERD_PATH"] ??
  (createRequire(import.meta.resolve("miniflare"))("workerd") as WorkerdPackage).default;

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
 * Bundles the Worker that its Wrangler file names and runs it in workerd, with its bindings from
 * there, its state on disk, and nothing fetched from outside. It listens on UNIX sockets alone, and on the
 * one of `workerSocket` answers nobody but the Worker.
 */
export async function startRuntime(options: RuntimeOptions): Promise<WorkersRuntime> {
  const { main, workerOptions } = readWranglerConfig(options.wrangler, options.pages);
  const contents = await bundleWorker(main);
  const configuration = convertV4MiniflareOptions({
    // Or Miniflare would fetch a sample of this object from the network.
    cf: false,
    telemetry: { enabled: false },
    logRequests: false,
    log: new ReportingLog(options.report),
    handleStructuredLogs({ level, message }) {
      if (!CALLERS_FAULT.test(message)) options.report(`worker ${level}: ${message}`);
    },
    handleUncaughtError: (error) => options.report(`worker error: ${error.stack ?? error.message}`),
    unsafeHandleRuntimeRestart: options.onRestart,
    resourcePersistencePath: options.storage,
    resourceTmpPath: options.temporary,
    unsafeRuntimeEnv: { SCOUR_WORKERD: WORKERD, SCOUR_SOCKETS: options.sockets },
    workers: [
      {
        ...workerOptions,
        name: "scour",
        modules: [
          {
            type: "ESModule",
            path: join(PROJECT_ROOT, "entry.js"),
            contents: `export * from "./worker.js"; export { default, default as ${DOOR} } from "./worker.js";`,
          },
          { type: "ESModule", path: join(PROJECT_ROOT, "worker.js"), contents },
        ],
        modulesRoot: PROJECT_ROOT,
        bindings: options.bindings,
        unsafeDirectSockets: [{ host: `unix:${join(options.sockets, DOOR)}`, entrypoint: DOOR }],
      },
    ],
  });
  // Read whenever Miniflare starts workerd, by itself, too.
  process.env["MINIFLARE_WORKERD_PATH"] = WORKERD_IN_PRIVATE;
  subscribe("child_process", noteRuntimeProcess);
  const dispose = async (runtime: Miniflare): Promise<void> => {
    unsubscribe("child_process", noteRuntimeProcess);
    await runtime.dispose();
  };
  const runtime = withoutSignalHandlers(() =>
    startedFor.run(options.onProcess, () => new Miniflare(configuration)),
  );
  try {
    await runtime.ready;
    return { dispose: () => dispose(runtime) };
  } catch (error) {
    await dispose(runtime).catch(() => {});
    throw error;
  }
}
