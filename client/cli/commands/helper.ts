import { once } from "node:events";
import { Command } from "commander";
import { fingerprint } from "../../../protocol/privacy/identities/organisation.ts";
import type { CommandContext } from "../command-context.ts";
import { startHelper, type Helper } from "../helper/start-helper.ts";
import { network, port } from "../options/option-values.ts";

interface HelperCommandOptions {
  readonly port: number;
  readonly host: string;
  readonly trustedProxy?: readonly string[];
  readonly state: string;
}

/** `helper`: the second operator of private campaigns, until it is told to stop. */
export function helperCommand({ terminal, stop }: CommandContext): Command {
  return new Command("helper")
    .description(
      "run a helper, the second operator of private campaigns: another organisation does than the coordinator's",
    )
    .option("--port <port>", "port to listen on; 0 for any free one", port, 8797)
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option(
      "--trusted-proxy <address>",
      "address or network of a proxy whose X-Forwarded-For is believed; may be given several times",
      network,
    )
    .option(
      "--state <folder>",
      "where its key and what it answered for are kept; never to be emptied while campaigns name its key",
      ".scour-helper",
    )
    .addHelpText(
      "after",
      `
SCOUR_HELPER_KEY, where set, holds instead of the key in the state folder.

Example:
  $ npm run scour -- helper --port 8797 --state .scour-helper`,
    )
    .action(async ({ host, port: wanted, state, trustedProxy }: HelperCommandOptions) => {
      const helper = await startHelper({
        host,
        port: wanted,
        stateDir: state,
        trustedProxies: trustedProxy ?? [],
        key: process.env["SCOUR_HELPER_KEY"],
        report: (line) => terminal.note(line),
      });
      try {
        terminal.note(banner(helper));
        if (!stop.aborted) await once(stop, "abort");
        terminal.note("Stopping; what it answered for is stored.");
      } finally {
        await helper.stop();
      }
    });
}

function banner({ publicKey, stateDir, url }: Helper): string {
  return [
    `Scour's helper is up.`,
    ``,
    `  Address      ${url}`,
    `  Key          ${publicKey}`,
    `  Fingerprint  ${fingerprint(publicKey)}`,
    `  State        ${stateDir}`,
    ``,
    `It tells sums of the masks of three or more participants, of one set a round, and keeps which. Give`,
    `nobody its key or state: whoever has them and the coordinator's reads every participant's updates.`,
    ``,
    `Ctrl-C stops it; campaigns wait for it.`,
  ].join("\n");
}
