/**
 * `npm run bench:cleanse`: how well strategies cleanse teachers, each run a whole campaign in one
 * process as `scour simulate` runs it. One JSON line a run; what is in the file is not run again.
 *
 * `npm run bench:cleanse -- render results.jsonl --out docs/results` makes tables and a page of it.
 */
import { cleanseCommand } from "./cleanse/command.ts";
import { runBench } from "./run-bench.ts";

await runBench(
  ({ onFailedPart, ...context }) => cleanseCommand({ ...context, onFailedRuns: onFailedPart }),
  "Stopped; the same command goes on with the runs that are missing.",
);
