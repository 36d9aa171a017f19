import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, sep } from "node:path";
import { CommandError } from "../command-error.ts";
import { PROJECT_ROOT } from "./project-root.ts";

/** What the pages are made of. */
const SOURCES = [
  ...["distil", "engine", "images", "participant", "web", "worker"].map((part) => `client/${part}`),
  "protocol",
  "vite.config.ts",
  "package-lock.json",
];

/**
 * The folder of the built pages; builds them first when they are missing or older than their
 * sources.
 *
 * @throws CommandError when the build fails.
 */
export async function pagesDirectory(report: (line: string) => void): Promise<string> {
  const pages = join(PROJECT_ROOT, "dist", "web");
  const entry = join(pages, "index.html");
  const builtAt = existsSync(entry) ? statSync(entry).mtimeMs : 0;
  if (builtAt < newestChange(SOURCES.map((source) => join(PROJECT_ROOT, source)))) {
    report("Building the pages …");
    await buildPages(report);
  }
  return pages;
}

/** Paths of a folder's files as a browser asks for them, such as `/assets/main.js`. */
export function filesIn(folder: string): ReadonlySet<string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
  return new Set(files.map((path) => `/${path.split(sep).join("/")}`));
}

async function buildPages(report: (line: string) => void): Promise<void> {
  const manifest = createRequire(import.meta.url).resolve("vite/package.json");
  const vite = spawn(
    process.execPath,
    [join(dirname(manifest), "bin", "vite.js"), "build", "--logLevel", "warn"],
    { cwd: PROJECT_ROOT, stdio: ["ignore", "pipe", "pipe"] },
  );
  const output: string[] = [];
  for (const stream of [vite.stdout, vite.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => output.push(text));
  }
  const [code] = (await once(vite, "close")) as [number | null];
  if (code === 0) return;
  for (const line of output.join("").trimEnd().split("\n")) report(line);
  throw new CommandError(
    "the pages could not be built; the lines above say why",
    "`npm ci` restores missing packages; --no-pages serves the API alone.",
  );
}

/** When the newest of these files and folders' files was last changed, in milliseconds. */
function newestChange(paths: readonly string[]): number {
  let newest = 0;
  for (const path of paths) {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) continue;
    newest = Math.max(newest, found.mtimeMs);
    if (!found.isDirectory()) continue;
    newest = Math.max(newest, newestChange(readdirSync(path).map((name) => join(path, name))));
  }
  return newest;
}
