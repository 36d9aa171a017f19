/**
 * `npm run fuzz:models`: model files with something wrong in them, which every reader must read or refuse
 * with a `ProtocolError`, and never hang on. Options: --cases N, --seed S, --first I (the number of the
 * first, to repeat one); files to begin with, else those of tests/fixtures.
 */
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { mutatedModel } from "../fixtures/mutated-models/mutate.ts";
import { sample, SAMPLES } from "../fixtures/mutated-models/samples.ts";
import { readAll } from "../fixtures/mutated-models/read-all.ts";
import { Random } from "./doors/random.ts";

const { positionals, values: options } = parseArgs({
  allowPositionals: true,
  options: {
    cases: { type: "string", default: "20000" },
    seed: { type: "string", default: "1" },
    first: { type: "string", default: "0" },
  },
});
const files = await Promise.all(
  positionals.length > 0
    ? positionals.map(async (name) => ({ name, bytes: new Uint8Array(await readFile(name)) }))
    : SAMPLES.map(async (name) => ({ name, bytes: await sample(name) })),
);
const counts = { read: 0, refused: 0, failed: 0 };
let slowest = { ms: 0, number: 0 };
const first = Number(options.first);
const began = performance.now();
for (let number = first; number < first + Number(options.cases); number++) {
  const random = new Random(options.seed, number);
  const { bytes, name } = random.pick(files);
  const mutated = await mutatedModel(bytes, random);
  const start = performance.now();
  try {
    counts[await readAll(mutated)]++;
  } catch (error) {
    counts.failed++;
    console.log(`✗ ${number} of ${name}:`, error);
  }
  const ms = performance.now() - start;
  if (ms > slowest.ms) slowest = { ms, number };
}
const seconds = ((performance.now() - began) / 1000).toFixed(0);
console.log(
  `seed ${options.seed}: ${counts.read} read, ${counts.refused} refused, ${counts.failed} failed in ${seconds} s; the slowest, ${slowest.number}, took ${slowest.ms.toFixed(0)} ms`,
);
process.exitCode = counts.failed === 0 ? 0 : 1;
