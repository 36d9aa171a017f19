import { once } from "node:events";
import { Command } from "commander";
import type { CommandContext } from "../command-context.ts";
import { startCoordinator } from "../coordinator/start-coordinator.ts";
import { DEFAULT_STATE_DIR } from "../coordinator/state-directory.ts";
import { port } from "../option-values.ts";

interface ServeOptions {
  readonly port: number;
  readonly host: string;
  readonly state: string;
  readonly pages: boolean;
}

/** `serve`: the coordinator and its pages on this machine, until it is told to stop. */
export function serveCommand({ terminal, stop }: CommandContext): Command {
  return new Command("serve")
    .description("run a coordinator with its pages on this machine")
    .option("--port <port>", "port to listen on; 0 for any free one", port, 8787)
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--state <folder>", "where campaigns, models and secrets are kept", DEFAULT_STATE_DIR)
    .option("--no-pages", "serve the API alone, without building the pages")
    .addHelpText("after", "\nExample:\n  $ npm run scour -- serve --port 8787 --state .scour")
    .action(async (options: ServeOptions) => {
      const coordinator = await startCoordinator({
        port: options.port,
        host: options.host,
        stateDir: options.state,
        pages: options.pages,
        report: (line) => terminal.note(line),
      });
      try {
        terminal.note(
          [
            `Scour's coordinator is up.`,
            ``,
            `  API          ${coordinator.url}/api/v1   (described at ${coordinator.url}/api/v1/openapi.json)`,
            ...(options.pages ? [`  Pages        ${coordinator.url}`] : []),
            `  State        ${coordinator.stateDir}`,
            `  Admin token  ${coordinator.adminTokenFile}`,
            ``,
            `Next, in another terminal:`,
            `  export SCOUR_URL=${coordinator.url} SCOUR_ADMIN_TOKEN="$(cat '${coordinator.adminTokenFile}')"`,
            `  npm run scour -- campaign create --model teacher.safetensors --mean .4914,.4822,.4465 --std .2470,.2435,.2616`,
            `  npm run scour -- invite CAMPAIGN --count 4`,
            `  npm run scour -- campaign start CAMPAIGN`,
            ``,
            `Ctrl-C stops it; a campaign goes on at the next start.`,
          ].join("\n"),
        );
        if (!stop.aborted) await once(stop, "abort");
        terminal.note("Stopping; everything is stored.");
      } finally {
        await coordinator.stop();
      }
    });
}
