import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { voucherOf } from "../../../../client/cli/organisation-key.ts";
import { makeSigningKey } from "../../../../client/participant/wire/signing-key.ts";
import { sealerOf } from "../../../../client/participant/sealer.ts";
import { privacyLines } from "../../../../client/text/privacy-text.ts";
import { fingerprint, isVouchedFor } from "../../../../protocol/privacy/identities/organisation.ts";
import { privacySchema } from "../../../../protocol/round/privacy.ts";
import { runRecorded } from "../recording-terminal.ts";
import { temporaryDirectory } from "../temporary-directory.ts";

const CAMPAIGN = `c-${"a".repeat(20)}`;

it("[M4.1] [M4.2] an organisation's key is made once, and vouches for devices", async () => {
  const path = join(await temporaryDirectory(), "key.json");
  const made = await runRecorded("organisation", path);
  const shown = await runRecorded("organisation", path, "--json");
  const { key } = shown.results[0]!.value as { key: string };
  expect(made.results[0]!.value).toEqual({ key, fingerprint: fingerprint(key) });
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  const device = "d".repeat(64);
  const vouched = await (await voucherOf(path))(CAMPAIGN, device);
  expect(vouched.organisation).toBe(key);
  await expect(isVouchedFor({ device, ...vouched }, CAMPAIGN, [key])).resolves.toBe(true);
  await writeFile(path, "{}");
  expect((await runRecorded("organisation", path)).notes[0]).toContain("no organisation's key");
  await expect(voucherOf(`${path}.none`)).rejects.toThrow("there is no file");
});

/** A voucher that does not hold. */
const voucherThatFails = (organisation: string) => async () => ({
  organisation,
  vouch: "0".repeat(128),
});

it("[M9.8] who is told that a campaign is private is told who could read whom, and needs a voucher", async () => {
  const organisations = ["1".repeat(64), "2".repeat(64)];
  const helper = { url: "https://helper.example", key: "3".repeat(64) };
  const privacy = privacySchema.parse({ helper, organisations, minimum: 5, clipNorm: 1 });
  const text = privacyLines(privacy, "https://scour.example").join(" ");
  for (const said of [
    "at least 5",
    helper.url,
    fingerprint(helper.key),
    "together can read you",
    "hide among nobody",
    "do not rest on it alone",
  ]) {
    expect(text).toContain(said);
  }
  const identity = {
    campaign: CAMPAIGN,
    participant: `p-${"a".repeat(20)}`,
    credential: "",
    key: await makeSigningKey(false),
  };
  const refused = (voucher?: Parameters<typeof sealerOf>[2]) =>
    expect(sealerOf(privacy, identity, voucher)).rejects;
  await refused().toMatchObject({ code: "not-vouched-for" });
  await refused(voucherThatFails("4".repeat(64))).toThrow("does not pin");
  await refused(voucherThatFails(organisations[0]!)).toThrow("does not hold");
});
