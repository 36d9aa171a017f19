import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { API_PREFIX } from "../../../protocol/round/version.ts";
import { formatPrevious } from "../../../protocol/secrets.ts";
import { trustedProxies } from "./front/caller-address.ts";
import { openFront } from "./front/front.ts";
import type { CoordinatorSecrets, TimedSecrets } from "./front/known-tokens.ts";
import { FRONT_LIMITS, type FrontLimits } from "./front/limits.ts";
import { WorkerRequests } from "./front/worker-requests.ts";
import { startGuard } from "./guard.ts";
import { keepRunning } from "./keep-running.ts";
import { filesIn, pagesDirectory } from "./pages.ts";
import { listenError } from "./listen-error.ts";
import { lockState } from "./state-lock.ts";
import { openStateDirectory } from "./state-directory.ts";
import type { GivenSecrets } from "./state-secrets.ts";
import { workerSocket } from "./worker-socket.ts";

export interface CoordinatorOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  readonly host?: string;
  /** Where its state is kept; without one, in a temporary folder that goes with it. */
  readonly stateDir?: string;
  /** Whether the pages for browsers are built and served; default false. */
  readonly pages?: boolean;
  /** Origin that invite links begin with; default the address it listens on. */
  readonly publicUrl?: string;
  /** Addresses and networks of proxies whose `X-Forwarded-For` is believed; default none. */
  readonly trustedProxies?: readonly string[];
  /** Secrets that hold instead of those in the state folder. */
  readonly secrets?: GivenSecrets;
  /** Bounds that differ from `FRONT_LIMITS`. */
  readonly limits?: Partial<FrontLimits>;
  /** Takes what the coordinator says, line by line; default standard error. */
  readonly report?: (line: string) => void;
}

/** A coordinator on this machine. */
export interface Coordinator {
  readonly url: string;
  /** Origin that invite links begin with. */
  readonly publicUrl: string;
  readonly adminToken: string;
  /** Where the admin token lies; undefined when it was given. */
  readonly adminTokenFile: string | undefined;
  readonly stateDir: string;
  stop(): Promise<void>;
}

/**
 * Starts the coordinator in workerd on this machine, with everything on disk, behind a front of its
 * own. It outlives the end of workerd (started again), and workerd never outlives this process.
 *
 * @throws CommandError when the state folder or the port cannot be had, or a secret is of no use.
 * @throws RangeError when a trusted proxy is no address.
 *
 * @example
 * const coordinator = await startCoordinator({ stateDir: ".scour", port: 8787 });
 * await fetch(`${coordinator.url}/api/v1/health`);
 * await coordinator.stop();
 */
export async function startCoordinator(options: CoordinatorOptions = {}): Promise<Coordinator> {
  const { host = "127.0.0.1", port = 0 } = options;
  const report = options.report ?? ((line: string) => process.stderr.write(`${line}\n`));
  const proxies = trustedProxies(options.trustedProxies ?? []);
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
    const state = openStateDirectory(options.stateDir ?? (await temporary()), options.secrets);
    const lock = await lockState(state.path);
    undo.push(() => lock.release());
    const sockets = await temporary();
    const limits = { ...FRONT_LIMITS, ...options.limits };
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
    const publicUrl = options.publicUrl ?? url;
    const runtime = await keepRunning(
      workerSocket(sockets),
      async (onRestart) => {
        const pages = options.pages
          ? await pagesDirectory(report)
          : await emptyDirectory(join(state.path, "no-pages"));
        // Miniflare takes long to load: no other command does, nor a start that is refused.
        const { startRuntime } = await import("./workers-runtime.ts");
        const started = await startRuntime({
          sockets,
          storage: state.storage,
          temporary: await emptyDirectory(join(state.path, "tmp")),
          pages,
          bindings: { ...secretBindings(state.secrets), SCOUR_PUBLIC_URL: publicUrl },
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
      () => wakeCampaigns(workerSocket(sockets), state.secrets.adminToken.present),
      report,
    );
    undo.push(() => runtime.dispose());
    return {
      url,
      publicUrl,
      adminToken: state.secrets.adminToken.present,
      adminTokenFile: state.adminTokenFile,
      stateDir: state.path,
      stop,
    };
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

function secretBindings({ adminToken, signingKey }: CoordinatorSecrets): Record<string, string> {
  return {
    ...secretBinding("SCOUR_ADMIN_TOKEN", adminToken),
    ...secretBinding("SCOUR_SIGNING_KEY", signingKey),
  };
}

function secretBinding(name: string, { present, previous }: TimedSecrets): Record<string, string> {
  return {
    [name]: present,
    ...(previous !== undefined && { [`${name}_PREVIOUS`]: formatPrevious(previous) }),
  };
}

/** Running campaigns set their alarms again when they are first asked after a start. */
async function wakeCampaigns(socketPath: string, adminToken: string): Promise<void> {
  const worker = new WorkerRequests(socketPath);
  await new Promise<void>((resolve) => {
    worker.ask(
      {
        method: "GET",
        path: `${API_PREFIX}/admin/campaigns`,
        headers: { authorization: `Bearer ${adminToken}` },
        body: "none",
      },
      {
        answered: (answer) => answer.resume().once("close", resolve),
        failed: () => resolve(),
      },
    );
  });
  worker.close();
}

async function emptyDirectory(path: string): Promise<string> {
  await rm(path, { recursive: true, force: true });
  await mkdir(path, { recursive: true, mode: 0o700 });
  return path;
}
