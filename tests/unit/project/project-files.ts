import { readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the project. */
export const PROJECT = fileURLToPath(new URL("../../..", import.meta.url));

const FOLDERS = ["client", "docs", "edge", "protocol", "scripts", "tests"];

/** Paths of the project's files below its folders, as documents name them: with `/`, from the top. */
export function projectFiles(): readonly string[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(PROJECT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(PROJECT, join(entry.parentPath, entry.name)).replaceAll("\\", "/")),
  );
}
