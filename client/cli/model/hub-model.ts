import { z } from "zod";
import { staysInside } from "../../../protocol/formats/bundle/folder.ts";
import { partsOfModel } from "../../../protocol/formats/bundle/model-part.ts";
import { CommandError } from "../command-error.ts";
import { hasCredentials, isLoopback, type HubReference } from "./model-reference.ts";

/** Where the hub answers, unless `HF_ENDPOINT` says otherwise. */
const HUB_ORIGIN = "https://huggingface.co";

export interface Hub {
  readonly endpoint: URL;
  readonly token: string | undefined;
}

/** What the hub tells of a repository, as far as it is read here. */
const listingSchema = z.object({
  sha: z.string().regex(/^[0-9a-f]{40,64}$/),
  siblings: z.array(z.object({ rfilename: z.string() })),
});

/** A model of the hub at one commit: the same files for good. */
export interface PinnedModel {
  readonly repository: string;
  readonly commit: string;
  /** Path of the file by which it is opened. */
  readonly main: string;
  /** Paths of all files of the repository that can lie here. */
  readonly files: readonly string[];
}

/**
 * The hub that the environment names: `HF_ENDPOINT` and `HF_TOKEN`, as the hub's own tools have them.
 *
 * @throws CommandError for an endpoint that is no https address.
 */
export function hubFrom(environment: Readonly<Record<string, string | undefined>>): Hub {
  const text = environment["HF_ENDPOINT"]?.trim() || HUB_ORIGIN;
  const endpoint = URL.parse(text.endsWith("/") ? text : `${text}/`);
  if (endpoint !== null && hasCredentials(endpoint)) {
    throw new CommandError(
      "HF_ENDPOINT has a name or password in it, which is sent to nobody",
      "Leave them out, and set HF_TOKEN to a token of the hub.",
    );
  }
  if (endpoint === null || !(endpoint.protocol === "https:" || isLoopback(endpoint))) {
    throw new CommandError(
      `HF_ENDPOINT is '${text}', which is no https address`,
      `Unset it for ${HUB_ORIGIN}.`,
    );
  }
  return { endpoint, token: environment["HF_TOKEN"]?.trim() || undefined };
}

/**
 * Asks the hub which commit and files a reference means.
 *
 * @throws CommandError when there is no such model, it is gated, or several files could be meant.
 */
export async function pinModel(
  { endpoint, token }: Hub,
  reference: HubReference,
  { fetcher = fetch, signal }: { readonly fetcher?: typeof fetch; readonly signal: AbortSignal },
): Promise<PinnedModel> {
  const { file, repository, revision } = reference;
  const url = new URL(
    `api/models/${repository}/revision/${encodeURIComponent(revision)}`,
    endpoint,
  );
  const headers: Record<string, string> =
    token === undefined ? {} : { authorization: `Bearer ${token}` };
  let answer: Response;
  try {
    // Not followed: the answer is the endpoint's own, and so is the token.
    answer = await fetcher(url, { headers, redirect: "manual", signal });
  } catch (error) {
    signal.throwIfAborted();
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    throw new CommandError(
      `${endpoint.origin} does not answer: ${cause instanceof Error ? cause.message : String(cause)}`,
      "Check the network, or HF_ENDPOINT.",
      { cause: error },
    );
  }
  const leadsTo = answer.headers.get("location");
  if (answer.status >= 300 && answer.status < 400 && leadsTo !== null) {
    throw moved(reference, endpoint, URL.parse(leadsTo, url));
  }
  if (!answer.ok) throw refused(reference, endpoint, answer.status, token !== undefined);
  const listing = listingSchema.safeParse(await answer.json().catch(() => undefined));
  if (!listing.success) {
    throw new CommandError(
      `${endpoint.origin} does not answer as the hub does`,
      "Check HF_ENDPOINT.",
    );
  }
  const { sha, siblings } = listing.data;
  // Whoever answers as the hub does may say anything: no name leads out of where the files are kept.
  const files = siblings.map(({ rfilename }) => rfilename).filter(isNameHere);
  return { repository, commit: sha, main: chosenFile(files, file, `hf:${repository}`), files };
}

function isNameHere(name: string): boolean {
  return staysInside(name) && !/\p{Cc}/u.test(name);
}

function moved(
  { repository, revision }: HubReference,
  endpoint: URL,
  to: URL | null,
): CommandError {
  const name = /\/api\/models\/([\w-][\w.-]*\/[\w-][\w.-]*)(?:\/|$)/.exec(to?.pathname ?? "")?.[1];
  return new CommandError(
    `${endpoint.origin} has ${repository}@${revision} no longer under this name: it leads to ${name ?? to?.origin ?? "nowhere"}`,
    name === undefined
      ? "Check the name, or HF_ENDPOINT."
      : `If that is the model you mean, write hf:${name}.`,
  );
}

function refused(
  { repository, revision }: HubReference,
  endpoint: URL,
  status: number,
  withToken: boolean,
): CommandError {
  const said = `${endpoint.origin} answered ${status} for ${repository}@${revision}`;
  switch (status) {
    case 401:
    case 403:
      return new CommandError(
        `${said}: it is private or gated, or not there`,
        withToken
          ? "Check the name, accept its terms with the account of HF_TOKEN, or take another token."
          : "Check the name; accept its terms on the hub and set HF_TOKEN to a token that may read it.",
      );
    case 404:
      return new CommandError(`${said}: there is no such model or revision`, "Check the name.");
    default:
      return new CommandError(said, "Try again later.");
  }
}

/** Weights that a repository has but one of, the ones that are told apart best first. */
const WEIGHTS: readonly RegExp[] = [
  /^model\.safetensors$/,
  /^model\.safetensors\.index\.json$/,
  /^[^/]+\.safetensors$/,
  /^pytorch_model\.bin(?:\.index\.json)?$/,
  /^[^/]+\.(?:pt|pth|th|ckpt|pt\.tar|pth\.tar)$/,
  /^[^/]+\.onnx$/,
  /^(?:onnx\/)?model\.onnx$/,
  /^model\.json$/,
];

/** Any file that may be a model, for the list of what there is to choose from. */
const MODELS =
  /\.(?:safetensors|bin|pt|pth|th|ckpt|tar|onnx|h5|keras)$|\.index\.json$|(?:^|\/)model\.json$/;

const SHARD = /-\d{5}-of-\d{5}\.\w+$/;

function chosenFile(names: readonly string[], asked: string | undefined, model: string): string {
  const main = asked ?? onlyWeights(names, model);
  if (!names.includes(main)) {
    throw new CommandError(`${model} has no file '${main}'`, offered(names));
  }
  const parts = partsOfModel(main);
  if (parts > 1) {
    throw new CommandError(
      `${model}: '${main}' is one of ${parts} parts of a model`,
      "Name the .index.json of the parts after the colon.",
    );
  }
  return main;
}

function onlyWeights(names: readonly string[], model: string): string {
  for (const kind of WEIGHTS) {
    const found = names.filter((name) => kind.test(name) && !SHARD.test(name));
    if (found.length === 1) return found[0]!;
    if (found.length > 1) {
      throw new CommandError(`${model} has several models`, offered(names));
    }
  }
  throw new CommandError(`${model} has no model file that is read here`, offered(names));
}

function offered(names: readonly string[]): string {
  const models = names.filter((name) => MODELS.test(name)).slice(0, 10);
  return models.length === 0
    ? "`scour check --help` lists the forms that are read."
    : `Name one after a colon: ${models.map((name) => `:${name}`).join(", ")}.`;
}
