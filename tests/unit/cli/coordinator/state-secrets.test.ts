import { describe, expect, it } from "vitest";
import { openSecrets, rotateSecret } from "../../../../client/cli/coordinator/state-secrets.ts";
import { temporaryDirectory } from "../temporary-directory.ts";

const DAY_MS = 86_400_000;

describe("[P7] the secrets of a state folder", () => {
  it("are made once, and read again", async () => {
    const folder = await temporaryDirectory();
    const made = openSecrets(folder, {});
    expect(openSecrets(folder, {})).toEqual(made);
    expect(made.adminToken.present).not.toBe(made.signingKey.present);
  });

  it("hold beside their successor until their time, one at a time", async () => {
    const folder = await temporaryDirectory();
    const first = openSecrets(folder, {}).signingKey.present;
    // Kept to the second.
    const until = Math.ceil(Date.now() / 1000) * 1000 + DAY_MS;
    expect(rotateSecret(folder, "signing-key", until)).toBeUndefined();
    const second = openSecrets(folder, {}).signingKey;
    expect(second.previous).toEqual({ secret: first, until });

    // What is dropped before its time is told.
    expect(rotateSecret(folder, "signing-key", until + DAY_MS)).toBe(until);
    expect(openSecrets(folder, {}).signingKey.previous?.secret).toBe(second.present);
  });

  it("are the environment's where it has them", async () => {
    const given = { SCOUR_ADMIN_TOKEN: "a-token-from-the-environment" };
    const folder = await temporaryDirectory();
    const { adminToken } = openSecrets(folder, given);
    expect(adminToken).toEqual({ present: given.SCOUR_ADMIN_TOKEN, previous: undefined });
  });

  it.each([
    ["SCOUR_ADMIN_TOKEN", "short", "fewer than 16"],
    ["SCOUR_SIGNING_KEY", "not-as-long-as-its-hash", "fewer than 32"],
  ])("are refused where %s is too short, without telling it", async (name, value, why) => {
    const folder = await temporaryDirectory();
    const open = () => openSecrets(folder, { [name]: value });
    expect(open).toThrow(new RegExp(`^${name} in the environment has .*${why}`));
    expect(open).not.toThrow(value);
  });
});
