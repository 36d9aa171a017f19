import { ProtocolError } from "../../../../protocol/errors.ts";
import { API_PREFIX } from "../../../../protocol/round/version.ts";

/** What a request is for, and so how the front treats it. */
type RequestKind =
  /** The same for everybody, without a token: health, the API's description, pages. */
  | "public"
  /** A route of the API with a small body or none. */
  | "api"
  /** A part of a model or a slice, streamed through. */
  | "upload"
  /** The event socket. */
  | "events";

export interface RequestTarget {
  readonly kind: RequestKind;
  /** As it is passed on: put together here of checked pieces. */
  readonly path: string;
}

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "DELETE"]);
const PAGE_METHODS = new Set(["GET", "HEAD"]);

/** Longest path with its query. */
const MAX_TARGET_CHARACTERS = 2048;

/** Segments of the API's paths: identifiers, digests, numbers, words. No route has any other. */
const API_PATH = new RegExp(`^${API_PREFIX}(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$`);
const QUERY = /^[A-Za-z0-9\-._~=&%+]*$/;

const PUBLIC_ROUTES = new Set([`${API_PREFIX}/health`, `${API_PREFIX}/openapi.json`]);
const EVENTS = `${API_PREFIX}/events`;
const UPLOADS = [
  new RegExp(`^${API_PREFIX}/admin/models/[^/]+/parts/[^/]+$`),
  new RegExp(`^${API_PREFIX}/rounds/[^/]+/[^/]+/slices/[^/]+$`),
];

/** Where a tab finds its page: the start page has an address, an invite link another. */
const PAGE_ADDRESSES = /^\/(?:join\/[A-Za-z0-9_-]*)?$/;

/**
 * Says what a request is for, by lists of what there is: nothing else is passed on, whatever its
 * spelling, so no route of the runtime's own can be reached through the front.
 *
 * @param url as it stands in the request line: a path, or an absolute address of which the path is
 *   taken (RFC 9112, section 3.2.2)
 * @param files paths of the built pages' files, from `/`
 * @throws ProtocolError `not-found`, `method-not-allowed` or `malformed-request`.
 *
 * @example
 * readTarget("GET", "/join/c-abc?from=mail", files); // { kind: "public", path: "/" }
 */
export function readTarget(method: string, url: string, files: ReadonlySet<string>): RequestTarget {
  if (url.length > MAX_TARGET_CHARACTERS) {
    throw new ProtocolError(
      "malformed-request",
      `the address has ${url.length} characters, the limit is ${MAX_TARGET_CHARACTERS}`,
    );
  }
  const origin = /^https?:\/\/[^/?#]*/i.exec(url)?.[0] ?? "";
  const [, path = "", query = ""] = /^([^?#]*)(?:\?([^#]*))?$/.exec(url.slice(origin.length)) ?? [];
  if (PAGE_ADDRESSES.test(path) || files.has(path)) {
    checkMethod(method, PAGE_METHODS);
    return { kind: "public", path: files.has(path) ? path : "/" };
  }
  if (!API_PATH.test(path)) {
    throw new ProtocolError(
      "not-found",
      `there is nothing at this address; ${API_PREFIX}/openapi.json lists the API's routes`,
    );
  }
  checkMethod(method, METHODS);
  if (!QUERY.test(query)) {
    throw new ProtocolError("malformed-request", "the query has characters that no route takes");
  }
  const whole = query === "" ? path : `${path}?${query}`;
  if (PUBLIC_ROUTES.has(path) && PAGE_METHODS.has(method)) return { kind: "public", path };
  if (path === EVENTS) return { kind: "events", path };
  const isUpload = method === "PUT" && UPLOADS.some((route) => route.test(path));
  return { kind: isUpload ? "upload" : "api", path: whole };
}

function checkMethod(method: string, allowed: ReadonlySet<string>): void {
  if (allowed.has(method)) return;
  throw new ProtocolError("method-not-allowed", `${method} is no method of this address`, {
    allow: [...allowed].join(", "),
  });
}
