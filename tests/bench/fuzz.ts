/**
 * `npm run fuzz`: mutated requests over raw sockets to a coordinator process of its own, which must
 * answer none with a 5xx, leave none without an answer, and change nothing for who has no right
 * token. Options: --requests N, --seed S, --first I (the number of the first, to repeat one).
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { freePort, startCoordinatorProcess } from "./doors/coordinator-process.ts";
import { fuzzRun } from "./doors/fuzz-run.ts";

const { values: options } = parseArgs({
  options: {
    requests: { type: "string", default: "20000" },
    seed: { type: "string", default: "1" },
    first: { type: "string", default: "0" },
  },
});
const stateDir = await mkdtemp(join(tmpdir(), "scour-fuzz-"));
const coordinator = await startCoordinatorProcess({ stateDir, port: await freePort() });
try {
  const { objections, result } = await fuzzRun(coordinator, {
    requests: Number(options.requests),
    first: Number(options.first),
    seed: options.seed,
    note: (line) => console.error(line),
  });
  const { peakMiB, seconds, sent, statuses } = result;
  console.log(`seed ${options.seed}: ${sent} requests in ${seconds.toFixed(0)} s`);
  console.log(`answers: ${JSON.stringify(statuses)}`);
  console.log(`memory of workerd at most ${peakMiB?.toFixed(0) ?? "unknown"} MiB`);
  for (const objection of objections) console.log(`\n✗ ${objection}`);
  console.log(objections.length === 0 ? "\nnothing went wrong" : `\n${objections.length} faults`);
  process.exitCode = objections.length === 0 ? 0 : 1;
} finally {
  await coordinator.stop();
  await rm(stateDir, { recursive: true, force: true, maxRetries: 10 });
}
