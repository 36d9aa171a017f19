import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { PROJECT, projectFiles } from "./project-files.ts";

const files = projectFiles();
const documents = [
  ...readdirSync(PROJECT).filter((name) => name.endsWith(".md")),
  ...files.filter((path) => path.endsWith(".md")),
];

/** Targets of the links within the project, without what follows a `#`. */
function linksOf(text: string): readonly string[] {
  return Array.from(text.matchAll(/\]\(([^)\s#]+)[^)]*\)/g), ([, target]) => target!).filter(
    (target) => !/^[a-z]+:/.test(target),
  );
}

/** Paths in code spans, from the top of the project, and names of source files, however short. */
function pathsOf(text: string): readonly string[] {
  const spans = Array.from(text.matchAll(/`([^`\n]+)`/g), ([, span]) => span!);
  return spans.filter(
    (span) =>
      /^(?:client|docs|edge|protocol|scripts|tests)\/[\w./-]*$/.test(span) ||
      /^[\w./-]+\.(?:ts|tsx|mjs)$/.test(span),
  );
}

function exists(path: string): boolean {
  if (existsSync(join(PROJECT, path))) return true;
  return /\.(?:ts|tsx|mjs)$/.test(path) && files.some((file) => file.endsWith(`/${path}`));
}

it.each(["docs/decisions", "docs/research"])("every page of %s is listed there", (folder) => {
  const listed = linksOf(readFileSync(join(PROJECT, folder, "README.md"), "utf8"));
  const pages = files.filter((path) => path.startsWith(`${folder}/`) && path.endsWith(".md"));
  const unlisted = pages
    .map((path) => path.slice(folder.length + 1))
    .filter((path) => path !== "README.md" && !listed.includes(path));
  expect(unlisted).toEqual([]);
});

describe.each(documents)("%s", (document) => {
  const text = readFileSync(join(PROJECT, document), "utf8");

  it("links to what is there", () => {
    const folder = dirname(document);
    expect(linksOf(text).filter((link) => !existsSync(join(PROJECT, folder, link)))).toEqual([]);
  });

  it("names paths that are there", () => {
    expect(pathsOf(text).filter((path) => !exists(path))).toEqual([]);
  });
});
