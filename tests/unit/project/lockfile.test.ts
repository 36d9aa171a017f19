import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";

interface Lockfile {
  readonly packages: Readonly<
    Record<string, { readonly optionalDependencies?: Readonly<Record<string, string>> }>
  >;
}

// npm drops the binaries of other platforms from the lock file when it prunes on one of them
// (npm/cli#4828); `npm ci` then fails elsewhere. Cure: delete node_modules and the lock, install anew.
it("the lock file holds the optional binaries of every platform", async () => {
  const url = new URL("../../../package-lock.json", import.meta.url);
  const { packages } = JSON.parse(await readFile(url, "utf8")) as Lockfile;
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) =>
        !(`node_modules/${name}` in packages) && !(`${path}/node_modules/${name}` in packages),
    ),
  );
  expect(missing).toEqual([]);
});
