import { createHash } from "node:crypto";
import { mkdir, stat } from "node:fs/promises";
import { basename, dirname, join, posix } from "node:path";
import { staysInside } from "../../../protocol/formats/bundle/folder.ts";
import { UPLOAD_LIMITS } from "../../../protocol/round/upload.ts";
import { cacheFolder } from "../../cache-folder.ts";
import type { Terminal } from "../show/terminal.ts";
import { TransferProgress } from "../show/transfer-progress.ts";
import { download, shown } from "./download.ts";
import { fetchFiles } from "./hub-files.ts";
import { hubFrom, pinModel } from "./hub-model.ts";
import { parseModelReference, type HubReference } from "./model-reference.ts";

/** A model that lies on this machine. */
export interface LocatedModel {
  /** File or folder. */
  readonly path: string;
  /** What it is called: as it was named, or the address where it was fetched, pinned where it can be. */
  readonly source: string;
}

export interface LocateOptions {
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Folder that fetched models are kept in. */
  readonly cache?: string;
  readonly fetcher?: typeof fetch;
}

/**
 * The one door for models: brings what `--model` names onto this machine. What was fetched before is not
 * fetched again, and what broke off goes on.
 *
 * @throws OptionError for what names no model, CommandError when it cannot be fetched, the signal's reason
 *   when it aborts.
 *
 * @example
 * const model = await readModel(await locateModel(options.model, { terminal, signal: stop }));
 */
export async function locateModel(text: string, options: LocateOptions): Promise<LocatedModel> {
  const reference = parseModelReference(text);
  switch (reference.kind) {
    case "path":
      return { path: reference.path, source: reference.path };
    case "url": {
      const { url } = reference;
      const folder = join(cacheOf(options), "urls", digestOf(url.href));
      const path = join(folder, fileName(url));
      await fetchFile(
        url,
        path,
        { token: undefined, mostBytes: UPLOAD_LIMITS.modelBytes },
        options,
      );
      return { path, source: shown(url) };
    }
    case "hub":
      return await locateOnHub(reference, options);
    default:
      return reference satisfies never;
  }
}

async function locateOnHub(reference: HubReference, options: LocateOptions): Promise<LocatedModel> {
  const { environment = process.env } = options;
  const hub = hubFrom(environment);
  const model = await pinModel(hub, reference, options);
  const { commit, main, repository } = model;
  const owner = digestOf(hub.endpoint.href).slice(0, 8);
  // A folder for each model of the commit: what is opened there can be no other one.
  const folder = join(
    cacheOf(options),
    "hub",
    owner,
    repository.replace("/", "--"),
    commit,
    digestOf(main),
  );
  let mostBytes: number = UPLOAD_LIMITS.modelBytes;
  const source = `hf:${repository}@${commit}:${main}`;
  const fetched = await fetchFiles(model, source, async (file, place) => {
    const path = join(folder, place);
    // A commit's files never change: what is here whole is right.
    if ((await bytesOf(path)) === undefined) {
      const address = `${repository}/resolve/${commit}/${file.split("/").map(encodeURIComponent).join("/")}`;
      await fetchFile(
        new URL(address, hub.endpoint),
        path,
        { token: hub.token, mostBytes },
        options,
      );
    }
    mostBytes -= (await bytesOf(path)) ?? 0;
    return path;
  });
  options.terminal.note(`${source} is in ${folder}.`);
  const [only] = fetched;
  return { path: fetched.length === 1 ? only! : folder, source };
}

/** Longest name that a file is kept under, bytes: what lies beside it has a longer one. */
const MOST_NAME_BYTES = 200;

/** What an address calls its file, where a file can be called so. */
function fileName({ pathname }: URL): string {
  let name: string;
  try {
    name = posix.basename(decodeURIComponent(pathname));
  } catch {
    return "model";
  }
  const canBe =
    staysInside(name) && !/\p{Cc}/u.test(name) && Buffer.byteLength(name) <= MOST_NAME_BYTES;
  return canBe ? name : "model";
}

async function fetchFile(
  url: URL,
  path: string,
  { mostBytes, token }: { readonly token: string | undefined; readonly mostBytes: number },
  { fetcher = fetch, signal, terminal }: LocateOptions,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const progress = new TransferProgress(terminal, `Fetching ${basename(path)}`);
  await download(url, path, {
    signal,
    token,
    mostBytes,
    fetcher,
    onProgress: (done, total) => progress.update(done, total),
  });
}

function cacheOf({ cache }: LocateOptions): string {
  return cache ?? join(cacheFolder(), "models");
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

/** How long a file is; undefined where there is none. */
async function bytesOf(path: string): Promise<number | undefined> {
  return await stat(path).then(
    (found) => (found.isFile() ? found.size : undefined),
    () => undefined,
  );
}
