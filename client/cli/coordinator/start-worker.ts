import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TrustedProxies } from "./front/caller-address.ts";
import { openFront } from "./front/front.ts";
import type { CoordinatorSecrets } from "./front/known-tokens.ts";
import type { FrontLimits } from "./front/limits.ts";
import { startGuard } from "./guard.ts";
import { keepRunning } from "./keep-running.ts";
import { listenError } from "./listen-error.ts";
import { filesIn } from "./pages.ts";
import { lockState } from "./state-lock.ts";
import { workerSocket } from "./worker-socket.ts";

/** As much of a state folder as running a Worker on it takes. */
export interface WorkerState {
  readonly path: string;
  /** Objects and blobs of the Workers runtime. */
  readonly storage: string;
  /** By which the front tells tokens of ours from others. */
  readonly secrets: CoordinatorSecrets;
}

/** Which Worker is to run on this machine, and how it is reached. */
export interface LocalWorkerOptions<State extends WorkerState> {
  /** Its Wrangler file, in the project's root. */
  readonly wrangler: string;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly limits: FrontLimits;
  readonly proxies: TrustedProxies;
  readonly report: (line: string) => void;
  /** Opens its state folder; `temporary` makes one that goes with this process. */
  readonly openState: (temporary: () => Promise<string>) => Promise<State>;
  /** Folder of the pages that it serves. */
  readonly pages: (state: State) => Promise<string>;
  /** Bindings beside those of the Wrangler file. @param url where it is reached */
  readonly bindings: (state: State, url: string) => Readonly<Record<string, string>>;
  /** Called after every start of the runtime. */
  readonly wake: (socketPath: string, state: State) => Promise<void>;
}

/** A Worker that runs on this machine. */
export interface LocalWorker<State> {
  readonly url: string;
  readonly state: State;
  stop(): Promise<void>;
}

/**
 * Starts a Worker in workerd on this machine, with everything on disk, behind a front of its own. It
 * outlives the end of workerd (started again), and workerd never outlives this process.
 *
 * @throws CommandError when the state folder or the port cannot be had.
 */
export async function startWorker<State extends WorkerState>(
  options: LocalWorkerOptions<State>,
): Promise<LocalWorker<State>> {
  const { host, limits, port, proxies, report } = options;
  const guard = startGuard();
  const undo: (() => Promise<void> | void)[] = [() => guard.release()];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    const temporary = async (): Promise<string> => {
      const folder = await mkdtemp(join(tmpdir(), "scour-"));
      guard.removeAfter(folder);
      return folder;
    };
    const state = await options.openState(temporary);
    const lock = await lockState(state.path);
    undo.push(() => lock.release());
    const sockets = await temporary();
    const front = await openFront({
      host,
      port,
      workerSocket: workerSocket(sockets),
      spool: await emptyDirectory(join(state.path, "incoming")),
      secrets: state.secrets,
      proxies,
      limits,
      report,
    }).catch((error: NodeJS.ErrnoException) => {
      throw listenError(host, port, error);
    });
    undo.push(() => front.close());
    const url = `http://${reachableHost(host)}:${front.port}`;
    const runtime = await keepRunning(
      workerSocket(sockets),
      async (onRestart) => {
        const pages = await options.pages(state);
        // Miniflare takes long to load: no other command does, nor a start that is refused.
        const { startRuntime } = await import("./workers-runtime.ts");
        const started = await startRuntime({
          wrangler: options.wrangler,
          sockets,
          storage: state.storage,
          temporary: await emptyDirectory(join(state.path, "tmp")),
          pages,
          bindings: options.bindings(state, url),
          report,
          onProcess(mark) {
            guard.endAfter(mark);
            lock.addRuntime(mark);
          },
          onRestart,
        });
        front.workerStarted(filesIn(pages));
        return started;
      },
      () => options.wake(workerSocket(sockets), state),
      report,
    );
    undo.push(() => runtime.dispose());
    return { url, state, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** How this machine reaches what listens on that address. */
function reachableHost(host: string): string {
  if (host === "0.0.0.0" || host === "::" || host === "*") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}

/** The folder, with nothing in it. */
export async function emptyDirectory(path: string): Promise<string> {
  await rm(path, { recursive: true, force: true });
  await mkdir(path, { recursive: true, mode: 0o700 });
  return path;
}
