import { join } from "node:path";
import { API_PREFIX } from "../../../protocol/round/version.ts";
import { formatPrevious } from "../../../protocol/secrets.ts";
import { trustedProxies } from "./front/caller-address.ts";
import type { CoordinatorSecrets, TimedSecrets } from "./front/known-tokens.ts";
import { FRONT_LIMITS, type FrontLimits } from "./front/limits.ts";
import { WorkerRequests } from "./front/worker-requests.ts";
import { pagesDirectory } from "./pages.ts";
import { emptyDirectory, startWorker } from "./start-worker.ts";
import { openStateDirectory } from "./state-directory.ts";
import type { GivenSecrets } from "./state-secrets.ts";

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
  const report = options.report ?? ((line: string) => process.stderr.write(`${line}\n`));
  const { state, stop, url } = await startWorker({
    wrangler: "wrangler.toml",
    host: options.host ?? "127.0.0.1",
    port: options.port ?? 0,
    limits: { ...FRONT_LIMITS, ...options.limits },
    proxies: trustedProxies(options.trustedProxies ?? []),
    report,
    openState: async (temporary) =>
      openStateDirectory(options.stateDir ?? (await temporary()), options.secrets),
    pages: async ({ path }) =>
      options.pages === true
        ? await pagesDirectory(report)
        : await emptyDirectory(join(path, "no-pages")),
    bindings: ({ secrets }, reached) => ({
      ...secretBindings(secrets),
      SCOUR_PUBLIC_URL: options.publicUrl ?? reached,
    }),
    wake: (socketPath, { secrets }) => wakeCampaigns(socketPath, secrets.adminToken.present),
  });
  return {
    url,
    publicUrl: options.publicUrl ?? url,
    adminToken: state.secrets.adminToken.present,
    adminTokenFile: state.adminTokenFile,
    stateDir: state.path,
    stop,
  };
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
