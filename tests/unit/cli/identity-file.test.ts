import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { identityFile } from "../../../client/cli/identity-file.ts";
import { identitySchema } from "../../../client/participant/wire/identity.ts";
import { makeSigningKey, signBytes } from "../../../client/participant/wire/signing-key.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

const identity = {
  campaign: `c-${"a".repeat(20)}`,
  participant: `p-${"a".repeat(20)}`,
  credential: "secret",
};

describe("identityFile", () => {
  it("keeps identities by key across stores, for its owner's eyes only", async () => {
    const path = join(await temporaryDirectory(), "me.json");
    expect(await identityFile(path).load("one")).toBeUndefined();
    await identityFile(path).save("one", identity);
    await identityFile(path).save("two", { ...identity, participant: "p-b" });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await identityFile(path).load("one")).toEqual(identity);
    await identityFile(path).forget("one");
    expect(await identityFile(path).load("one")).toBeUndefined();
    expect(await identityFile(path).load("two")).toMatchObject({ participant: "p-b" });
    expect(await identityFile(path).load("toString")).toBeUndefined();
  });

  it("[A2] keeps the key pair, which signs as before", async () => {
    const path = join(await temporaryDirectory(), "me.json");
    const key = await makeSigningKey(identityFile(path).keepsBytes);
    await identityFile(path).save("one", { ...identity, key });
    const loaded = identitySchema.parse(await identityFile(path).load("one"));
    const bytes = new TextEncoder().encode("scour");
    expect(await signBytes(loaded.key!, bytes)).toBe(await signBytes(key, bytes));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it("never writes over a file of something else", async () => {
    const path = join(await temporaryDirectory(), "notes.txt");
    await writeFile(path, "my notes");
    await expect(identityFile(path).save("one", identity)).rejects.toThrow(/not a file of identit/);
    expect(await readFile(path, "utf8")).toBe("my notes");
  });
});
