import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** What Miniflare's entry treats specially, read from its own code, so that a later one's is known. */
export interface MiniflareSurface {
  /** `/cdn-cgi/local/r2/public` and the like. */
  readonly paths: readonly string[];
  /** `MF-Original-URL` and the like. */
  readonly headers: readonly string[];
}

export function miniflareSurface(): MiniflareSurface {
  const main = createRequire(import.meta.url).resolve("miniflare");
  const entry = readFileSync(join(dirname(main), "workers", "core", "entry.worker.js"), "utf8");
  const matches = (pattern: RegExp): string[] => [
    ...new Set(Array.from(entry.matchAll(pattern), ([, found]) => found!)),
  ];
  return {
    paths: matches(/"(\/(?:cdn-cgi|__cf_local)\/[\w/-]+)"/g),
    headers: matches(/"((?:X-)?MF-[\w-]+)"/gi),
  };
}
