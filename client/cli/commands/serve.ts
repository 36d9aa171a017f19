import { once } from "node:events";
import { Command, Option } from "commander";
import type { CommandContext } from "../command-context.ts";
import { startCoordinator, type Coordinator } from "../coordinator/start-coordinator.ts";
import { DEFAULT_STATE_DIR } from "../coordinator/state-directory.ts";
import { opensHereOnly } from "../local-link.ts";
import { network, port, publicOrigin } from "../options/option-values.ts";

interface ServeOptions {
  readonly port: number;
  readonly host: string;
  readonly publicUrl?: string;
  readonly trustedProxy?: readonly string[];
  readonly state: string;
  readonly pages: boolean;
}

/** `serve`: the coordinator and its pages on this machine, until it is told to stop. */
export function serveCommand({ terminal, stop }: CommandContext): Command {
  return new Command("serve")
    .description("run a coordinator with its pages on this machine")
    .option("--port <port>", "port to listen on; 0 for any free one", port, 8787)
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .addOption(
      new Option(
        "--public-url <url>",
        "where volunteers reach it, such as https://scour.example.org: invite links begin with it (default: the address listened on)",
      )
        .env("SCOUR_PUBLIC_URL")
        .argParser(publicOrigin),
    )
    .option(
      "--trusted-proxy <address>",
      "address or network of a proxy whose X-Forwarded-For is believed; may be given several times",
      network,
    )
    .option("--state <folder>", "where campaigns, models and secrets are kept", DEFAULT_STATE_DIR)
    .option("--no-pages", "serve the API alone, without building the pages")
    .addHelpText(
      "after",
      `
SCOUR_ADMIN_TOKEN and SCOUR_SIGNING_KEY, where set, hold instead of the secrets in the state folder.

Examples:
  $ npm run scour -- serve --port 8787 --state .scour
  $ npm run scour -- serve --public-url https://scour.example.org --trusted-proxy 127.0.0.1`,
    )
    .action(async (options: ServeOptions) => {
      const coordinator = await startCoordinator({
        port: options.port,
        host: options.host,
        ...(options.publicUrl !== undefined && { publicUrl: options.publicUrl }),
        ...(options.trustedProxy !== undefined && { trustedProxies: options.trustedProxy }),
        stateDir: options.state,
        pages: options.pages,
        secrets: process.env,
        report: (line) => terminal.note(line),
      });
      try {
        terminal.note(banner(coordinator, options));
        if (!stop.aborted) await once(stop, "abort");
        terminal.note("Stopping; everything is stored.");
      } finally {
        await coordinator.stop();
      }
    });
}

function banner(coordinator: Coordinator, { pages }: Pick<ServeOptions, "pages">): string {
  const { adminTokenFile, publicUrl, stateDir, url } = coordinator;
  const token =
    adminTokenFile === undefined ? "" : ` SCOUR_ADMIN_TOKEN="$(cat '${adminTokenFile}')"`;
  return [
    `Scour's coordinator is up.`,
    ``,
    `  API          ${url}/api/v1   (described at ${url}/api/v1/openapi.json)`,
    ...(pages ? [`  Pages        ${url}`] : []),
    `  Invites      ${publicUrl}/join/…`,
    ...(opensHereOnly(publicUrl)
      ? [`               open on this machine only; volunteers elsewhere need --public-url`]
      : []),
    `  State        ${stateDir}`,
    `  Admin token  ${adminTokenFile ?? "SCOUR_ADMIN_TOKEN of its environment"}`,
    ``,
    `Next, in another terminal:`,
    `  export SCOUR_URL=${url}${token}`,
    `  npm run scour -- campaign create --model teacher.safetensors --mean .4914,.4822,.4465 --std .2470,.2435,.2616`,
    `  npm run scour -- invite CAMPAIGN --count 4`,
    `  npm run scour -- campaign start CAMPAIGN`,
    ``,
    `Ctrl-C stops it; a campaign goes on at the next start.`,
  ].join("\n");
}
