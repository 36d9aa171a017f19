import { readFile, rename, writeFile } from "node:fs/promises";
import { z } from "zod";
import type { Identity, IdentityStore } from "../participant/wire/identity.ts";
import { exportSigningKey, importSigningKey } from "../participant/wire/signing-key.ts";
import { CommandError } from "./command-error.ts";

/** One as the file has it: its key exported. */
const keptSchema = z.looseObject({ key: z.unknown().optional() });

/**
 * Keeps identities in a JSON file that only its owner can read: the private keys and credentials in it
 * let one act as that participant.
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
    keepsBytes: true,
    async load(key) {
      const identities = await read();
      const kept = keptSchema.safeParse(Object.hasOwn(identities, key) ? identities[key] : null);
      if (!kept.success) return undefined;
      const { key: exported, ...identity } = kept.data;
      return { ...identity, key: exported && (await importSigningKey(exported)) };
    },
    async save(key: string, { key: pair, ...identity }: Identity) {
      const kept = { ...identity, ...(pair && { key: await exportSigningKey(pair) }) };
      await write({ ...(await read()), [key]: kept });
    },
    async forget(key) {
      const { [key]: _forgotten, ...rest } = await read();
      await write(rest);
    },
  };
}
