import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { helperKeysOf } from "../../../protocol/privacy/two-operators/sealed-seed.ts";
import { CommandError } from "../command-error.ts";
import { trustedProxies } from "../coordinator/front/caller-address.ts";
import { FRONT_LIMITS } from "../coordinator/front/limits.ts";
import { openPrivateFolder } from "../coordinator/state-directory.ts";
import { emptyDirectory, startWorker, type WorkerState } from "../coordinator/start-worker.ts";
import { writeSecret } from "../coordinator/state-secrets.ts";

export interface HelperOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Where its key and its records are kept. */
  readonly stateDir: string;
  /** Addresses and networks of proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  /** Its key, where it does not hold that of the state folder. */
  readonly key: string | undefined;
  /** Takes what it says, line by line. */
  readonly report: (line: string) => void;
}

/** A helper of campaigns of two operators on this machine. */
export interface Helper {
  readonly url: string;
  /** X25519, hexadecimal: what a campaign names. */
  readonly publicKey: string;
  readonly stateDir: string;
  stop(): Promise<void>;
}

interface HelperState extends WorkerState {
  readonly key: string;
}

/**
 * Starts a helper in workerd on this machine. Its records outlive it, and must: with another state folder
 * the same key would answer a second time.
 *
 * @throws CommandError when state folder or port cannot be had, or the key is none.
 */
export async function startHelper(options: HelperOptions): Promise<Helper> {
  const { host, port, report, stateDir } = options;
  const { state, stop, url } = await startWorker<HelperState>({
    wrangler: "wrangler.helper.toml",
    host,
    port,
    limits: FRONT_LIMITS,
    proxies: trustedProxies(options.trustedProxies),
    report,
    openState: async () => openHelperState(stateDir, options.key),
    pages: ({ path }) => emptyDirectory(join(path, "no-pages")),
    bindings: ({ key }) => ({ SCOUR_HELPER_KEY: key }),
    wake: async () => {},
  });
  const { publicKey } = await helperKeysOf(state.key);
  return { url, publicKey, stateDir: state.path, stop };
}

function openHelperState(stateDir: string, given: string | undefined): HelperState {
  const path = openPrivateFolder(stateDir);
  // A helper has no tokens: everybody is a stranger to its front.
  const nobodys = { present: randomBytes(32).toString("hex"), previous: undefined };
  return {
    path,
    storage: join(path, "storage"),
    secrets: { adminToken: nobodys, signingKey: nobodys },
    key: given === undefined ? storedKey(path) : requireKey(given, "SCOUR_HELPER_KEY"),
  };
}

function storedKey(path: string): string {
  const file = join(path, "helper-key");
  if (!existsSync(file)) writeSecret(file, randomBytes(32).toString("hex"));
  return requireKey(readFileSync(file, "utf8").trim(), file);
}

function requireKey(key: string, where: string): string {
  if (/^[0-9a-f]{64}$/.test(key)) return key;
  throw new CommandError(
    `${where} is not a helper's key: 32 bytes in lower-case hexadecimal`,
    "Restore the key that campaigns name, or start with another state folder and give its key to new campaigns.",
  );
}
