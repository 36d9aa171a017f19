import { chmod, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { freePort } from "../doors/coordinator-process.ts";

/**
 * Has the runtimes of coordinators that this process starts from now on answer Chrome's inspector.
 *
 * @param folder of what is written for it
 * @returns the port of this machine at which they do, one runtime at a time
 */
export async function inspectRuntimes(folder: string): Promise<number> {
  const port = await freePort();
  const miniflare = createRequire(import.meta.resolve("miniflare"));
  const { default: workerd } = miniflare("workerd") as { readonly default: string };
  const wrapper = join(folder, "inspected-workerd");
  await writeFile(
    wrapper,
    `#!/bin/sh\nverb=$1\nshift\nexec '${workerd}' "$verb" --inspector-addr=127.0.0.1:${port} "$@"\n`,
  );
  await chmod(wrapper, 0o755);
  process.env["MINIFLARE_WORKERD_PATH"] = wrapper;
  return port;
}
