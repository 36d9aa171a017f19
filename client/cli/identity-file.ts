import { readFile, rename, writeFile } from "node:fs/promises";
import type { Identity, IdentityStore } from "../participant/identity.ts";
import { CommandError } from "./command-error.ts";

/**
 * Keeps identities in a JSON file that only its owner can read: the credentials in it let one act as
 * that participant.
 *
 * @example
 * new Participant({ invite, training, ports: { identities: identityFile("me.json") } });
 */
export function identityFile(path: string): IdentityStore {
  const read = async (): Promise<Record<string, unknown>> => {
    let text: string;
    try {
      text = await readFile(path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
      throw error;
    }
    try {
      const parsed: unknown = JSON.parse(text);
      if (typeof parsed === "object" && parsed !== null) return { ...parsed };
    } catch {
      // Named below.
    }
    throw new CommandError(
      `${path} is not a file of identities`,
      "Name another with --identity, or remove this one to join as somebody new.",
    );
  };
  const write = async (identities: Record<string, unknown>): Promise<void> => {
    const next = `${path}.next`;
    await writeFile(next, `${JSON.stringify(identities, null, 2)}\n`, { mode: 0o600 });
    await rename(next, path);
  };
  return {
    async load(key) {
      const identities = await read();
      return Object.hasOwn(identities, key) ? identities[key] : undefined;
    },
    async save(key: string, identity: Identity) {
      await write({ ...(await read()), [key]: identity });
    },
    async forget(key) {
      const { [key]: _forgotten, ...rest } = await read();
      await write(rest);
    },
  };
}
