import { OptionError } from "../option-error.ts";

/** Where a model lies, as `--model` says it. */
export type ModelReference =
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "url"; readonly url: URL }
  | HubReference;

/** A model on the Hugging Face hub, or on one that answers as it does. */
export interface HubReference {
  readonly kind: "hub";
  /** `OWNER/NAME`. */
  readonly repository: string;
  /** Branch, tag or commit. */
  readonly revision: string;
  /** A file's path in it; left out where the repository has but one model. */
  readonly file: string | undefined;
}

/** What `--model` takes, for its help. */
export const MODEL_HELP =
  "a file, a folder, an https address, or hf:OWNER/NAME[@REVISION][:FILE] on the Hugging Face hub";

/** Names on the hub; no part of one leads out of the cache's folder. */
const HUB =
  /^hf:(?<repository>[\w-][\w.-]*\/[\w-][\w.-]*)(?:@(?<revision>[^:]+))?(?::(?<file>.+))?$/;

/**
 * Reads what stands behind `--model`.
 *
 * @throws OptionError for an address that cannot be one.
 *
 * @example
 * parseModelReference("hf:timm/resnet18.a1_in1k@v1:model.safetensors");
 */
export function parseModelReference(text: string): ModelReference {
  if (text.startsWith("hf:")) {
    const { repository, revision = "main", file } = HUB.exec(text)?.groups ?? {};
    if (repository !== undefined && isBelow(revision) && (file === undefined || isBelow(file))) {
      return { kind: "hub", repository, revision, file };
    }
    throw new OptionError(
      `--model ${text}: this is no model on the hub`,
      "Write hf:OWNER/NAME, with @REVISION for another branch, tag or commit than main, and :FILE for one of several files.",
    );
  }
  if (!/^https?:\/\//i.test(text)) return { kind: "path", path: text };
  const url = URL.parse(text);
  if (url !== null && hasCredentials(url)) {
    throw new OptionError(
      `--model ${url.origin}${url.pathname}: the address has a name or password in it, which is sent to nobody`,
      "Fetch the model yourself (curl --user NAME --remote-name ADDRESS) and name the file.",
    );
  }
  if (url !== null && (url.protocol === "https:" || isLoopback(url))) return { kind: "url", url };
  throw new OptionError(
    `--model ${text}: a model is fetched over https alone`,
    "Give its https address, or fetch it yourself and name the file.",
  );
}

/** Whether a path, once appended to a folder's, stays in it. */
function isBelow(path: string): boolean {
  return path.split("/").every((part) => /^(?!\.{1,2}$)[^\\\p{Cc}]+$/u.test(part));
}

/** Whether an address says who asks; fetch refuses such. */
export function hasCredentials({ password, username }: URL): boolean {
  return username !== "" || password !== "";
}

/** What nobody else can listen to needs no TLS. */
export function isLoopback({ hostname }: URL): boolean {
  return hostname === "127.0.0.1" || hostname === "localhost" || hostname === "[::1]";
}
