/** Whether a path lies in what file managers leave behind: dotfiles and macOS's `__MACOSX`. */
export function isHidden(path: string): boolean {
  return path
    .split("/")
    .some((part) => (part.startsWith(".") && part !== "." && part !== "..") || part === "__MACOSX");
}
