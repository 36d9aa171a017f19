/**
 * `npm run bench:hostile`: what participants who hold a valid credential can do to a campaign on the
 * demo's model, through a real coordinator, beside the campaign in which nobody is hostile.
 */
import { hostileCommand } from "./hostile/command.ts";
import { runBench } from "./run-bench.ts";

await runBench(
  ({ onFailedPart, ...context }) => hostileCommand({ ...context, onFailedRows: onFailedPart }),
  "Stopped; the same command goes on with the rows that are missing.",
);
