import { homedir } from "node:os";
import { join } from "node:path";

/** Where what can be had again is kept: the user's cache folder (XDG Base Directory Specification; macOS has its own). */
export function cacheFolder(): string {
  const { XDG_CACHE_HOME } = process.env;
  if (XDG_CACHE_HOME) return join(XDG_CACHE_HOME, "scour");
  const folder = process.platform === "darwin" ? join("Library", "Caches") : ".cache";
  return join(homedir(), folder, "scour");
}
