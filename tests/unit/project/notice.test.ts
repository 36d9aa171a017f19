import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { PROJECT, projectFiles } from "./project-files.ts";

/** Rooms whose code is bundled, into the pages or the Worker. */
const BUNDLED = /^(?:protocol|edge|client\/(?:distil|engine|images|participant|web|worker))\//;

/** The runtime's own, or of a file that only Node opens. */
const NOT_BUNDLED = new Set(["cloudflare:workers", "sharp", "webgpu", "wrangler"]);

/** The package that a module is of: `a/b.js` of `a`, `@a/b/c.js` of `@a/b`. */
const packageOf = (specifier: string) => /^(?:@[^/]+\/)?[^/]+/.exec(specifier)![0];

/** What leaves nothing in a bundle. */
const OF_TYPES = /\b(?:import|export) type [^;]*;/g;

function bundledPackages(): readonly string[] {
  const specifiers = projectFiles()
    .filter((path) => BUNDLED.test(path) && /\.tsx?$/.test(path))
    .flatMap((path) =>
      Array.from(
        readFileSync(join(PROJECT, path), "utf8")
          .replaceAll(OF_TYPES, "")
          .matchAll(/(?:\bfrom |\bimport |\bimport\()"([^".][^"]*)"/g),
        ([, specifier]) => specifier!,
      ),
    );
  return [...new Set(specifiers.map(packageOf))].filter(
    (name) => !name.startsWith("node:") && !NOT_BUNDLED.has(name),
  );
}

it("NOTICE names every package that pages and Worker contain, with its licence", () => {
  const notice = readFileSync(join(PROJECT, "NOTICE"), "utf8");
  const rows = new Map(
    Array.from(
      notice.matchAll(/^ {2}(\S+) +(MIT|Apache-2\.0|BSD-3-Clause) /gm),
      ([, name, licence]) => [name!, licence!],
    ),
  );
  const packages = bundledPackages();
  expect(packages).toContain("zod");
  for (const name of packages) {
    const manifest = readFileSync(join(PROJECT, "node_modules", name, "package.json"), "utf8");
    expect([name, rows.get(name)]).toEqual([
      name,
      (JSON.parse(manifest) as { license: string }).license,
    ]);
  }
});
