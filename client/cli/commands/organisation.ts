import { Command } from "commander";
import { fingerprint } from "../../../protocol/privacy/identities/organisation.ts";
import type { CommandContext } from "../command-context.ts";
import { makeOrganisationKey, readOrganisationKey } from "../organisation-key.ts";

/** `organisation`: the key that an organisation vouches for its participants with. */
export function organisationCommand({ terminal }: CommandContext): Command {
  return new Command("organisation")
    .description("make or show the key with which an organisation vouches for its participants")
    .argument("<file>", "where the key is, or is to be: whoever has it can make up participants")
    .option("--json", "print it as JSON")
    .addHelpText(
      "after",
      `
A private campaign pins the keys of its organisations (campaign create --pin); their participants join
with --organisation-key <file>.

Example:
  $ npm run scour -- organisation our-hospital.json`,
    )
    .action(async (path: string, { json }: { readonly json?: boolean }) => {
      const found = await readOrganisationKey(path);
      const { publicKey } = found ?? (await makeOrganisationKey(path));
      if (found === undefined) terminal.note(`Made a new key: ${path}. Keep it to yourselves.`);
      const shown = { key: publicKey, fingerprint: fingerprint(publicKey) };
      terminal.result(shown, json, () =>
        [`Key          ${shown.key}`, `Fingerprint  ${shown.fingerprint}`].join("\n"),
      );
    });
}
