/**
 * `npm run bench:byzantine`: what every combining rule makes of one round in which some are hostile. Nothing is
 * trained but the honest round, once. Options: --out, --backend, --threads.
 */
import { byzantineCommand } from "./byzantine/command.ts";
import { runBench } from "./run-bench.ts";

await runBench(
  byzantineCommand,
  "Stopped; the same command goes on with the rows that are missing.",
);
