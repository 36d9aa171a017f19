/**
 * `npm run bench:depth`: how deep a backdoor was removed from a model: whether a few stamped images bring it
 * back, and how much of it there is on the way back to the teacher, beside a clean model treated alike.
 */
import { depthCommand } from "./depth/command.ts";
import { runBench } from "./run-bench.ts";

await runBench(depthCommand, "Stopped; rows that are done are in the file of --out.");
