import { readFile } from "node:fs/promises";
import { vouchBytes } from "../../protocol/privacy/identities/organisation.ts";
import type { Voucher } from "../participant/sealer.ts";
import {
  exportSigningKey,
  importSigningKey,
  makeSigningKey,
  signBytes,
  type SigningKey,
} from "../participant/wire/signing-key.ts";
import { CommandError } from "./command-error.ts";
import { writeWhole } from "./write-whole.ts";

/**
 * An organisation's key in a file.
 *
 * @returns undefined where there is no such file
 * @throws CommandError for a file that holds none.
 */
export async function readOrganisationKey(path: string): Promise<SigningKey | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const key = await importSigningKey(parsed(text)).catch(() => undefined);
  if (key !== undefined) return key;
  throw new CommandError(
    `${path} is no organisation's key`,
    "Name the file that `scour organisation FILE` wrote, or another path to make a new one.",
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Makes an organisation's key, in a file that only its owner reads. */
export async function makeOrganisationKey(path: string): Promise<SigningKey> {
  const key = await makeSigningKey(true);
  await writeWhole(path, `${JSON.stringify(await exportSigningKey(key), null, 2)}\n`, 0o600);
  return key;
}

/** Vouches with the key in a file. @throws CommandError where there is none. */
export async function voucherOf(path: string): Promise<Voucher> {
  const key = await readOrganisationKey(path);
  if (key === undefined) {
    throw new CommandError(
      `there is no file ${path}`,
      "`scour organisation FILE` makes a key; the campaign has to pin it (--pin).",
    );
  }
  return async (campaign, device) => ({
    organisation: key.publicKey,
    vouch: await signBytes(key, vouchBytes(campaign, device)),
  });
}
