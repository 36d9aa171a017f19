import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { API_PREFIX } from "../../../protocol/round/version.ts";
import { startGuard } from "./guard.ts";
import { keepRunning } from "./keep-running.ts";
import { pagesDirectory } from "./pages.ts";
import { checkPort } from "./port-check.ts";
import { lockState } from "./state-lock.ts";
import { openStateDirectory } from "./state-directory.ts";
import { startRuntime } from "./workers-runtime.ts";

export interface CoordinatorOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  readonly host?: string;
  /** Where its state is kept; without one, in a temporary folder that goes with it. */
  readonly stateDir?: string;
  /** Whether the pages for browsers are built and served; default false. */
  readonly pages?: boolean;
  /** Takes what the coordinator says, line by line; default standard error. */
  readonly report?: (line: string) => void;
}

/** A coordinator on this machine. */
export interface Coordinator {
  readonly url: string;
  readonly adminToken: string;
  readonly adminTokenFile: string;
  readonly stateDir: string;
  stop(): Promise<void>;
}

/**
 * Starts the coordinator in workerd on this machine, with everything on disk. It outlives the end of
 * workerd (started again on the same port), and workerd never outlives this process.
 *
 * @throws CommandError when the state folder or the port cannot be had.
 *
 * @example
 * const coordinator = await startCoordinator({ stateDir: ".scour", port: 8787 });
 * await fetch(`${coordinator.url}/api/v1/health`);
 * await coordinator.stop();
 */
export async function startCoordinator(options: CoordinatorOptions = {}): Promise<Coordinator> {
  const { host = "127.0.0.1", port = 0, pages = false } = options;
  const report = options.report ?? ((line: string) => process.stderr.write(`${line}\n`));
  const guard = startGuard();
  let temporaryState: string | undefined;
  try {
    if (options.stateDir === undefined) {
      temporaryState = await mkdtemp(join(tmpdir(), "scour-"));
      guard.removeAfter(temporaryState);
    }
    const state = openStateDirectory(options.stateDir ?? temporaryState!);
    const lock = await lockState(state.path);
    try {
      await checkPort(host, port);
      const runtime = await keepRunning(
        async (onRestart, samePort) =>
          await startRuntime({
            host,
            port: samePort ?? port,
            storage: state.storage,
            temporary: await emptyDirectory(join(state.path, "tmp")),
            pages: pages
              ? await pagesDirectory(report)
              : await emptyDirectory(join(state.path, "no-pages")),
            secrets: { SCOUR_ADMIN_TOKEN: state.adminToken, SCOUR_SIGNING_KEY: state.signingKey },
            report,
            onProcess(mark) {
              guard.endAfter(mark);
              lock.addRuntime(mark);
            },
            onRestart,
          }),
        (url) => wakeCampaigns(url, state.adminToken),
        report,
      );
      return {
        url: runtime.url.origin,
        adminToken: state.adminToken,
        adminTokenFile: state.adminTokenFile,
        stateDir: state.path,
        async stop() {
          await runtime.dispose();
          lock.release();
          await guard.release();
        },
      };
    } catch (error) {
      lock.release();
      throw error;
    }
  } catch (error) {
    await guard.release();
    throw error;
  }
}

/** Running campaigns set their alarms again when they are first asked after a start. */
async function wakeCampaigns(url: URL, adminToken: string): Promise<void> {
  const response = await fetch(new URL(`${API_PREFIX}/admin/campaigns`, url), {
    headers: { authorization: `Bearer ${adminToken}` },
  }).catch(() => undefined);
  await response?.body?.cancel();
}

async function emptyDirectory(path: string): Promise<string> {
  await rm(path, { recursive: true, force: true });
  await mkdir(path, { recursive: true, mode: 0o700 });
  return path;
}
