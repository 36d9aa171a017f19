/**
 * `npm run bench:verdict`: what the verdict would say of every recorded campaign whose truth is known, and
 * how often that is right. Its thresholds were chosen on docs/results (`tuned on`); those of docs/research
 * are others (`tried on`). Options: --json.
 */
import { globSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { ascertained, reachOfTeachers, readRecords } from "./verdict/ascertained.ts";

const { values: options } = parseArgs({ options: { json: { type: "boolean", default: false } } });

const TUNED_ON = ["docs/results/cleanse.jsonl"];
const TRIED_ON = globSync("docs/research/**/cleanse.jsonl");

const parts = [
  { what: "tuned on", files: TUNED_ON },
  { what: "tried on", files: TRIED_ON },
].map(({ what, files }) => ({
  what,
  records: readRecords(files.flatMap((file) => readFileSync(file, "utf8").trim().split("\n"))),
}));
const reachOf = reachOfTeachers(parts.flatMap(({ records }) => records));
const seen = new Set<string>();
const judged = parts.map(({ what, records }) => {
  const fresh = records.filter(({ run }) => !seen.has(run) && seen.add(run));
  return { what, runs: fresh.flatMap((record) => ascertained(record, reachOf) ?? []) };
});

if (options.json) console.log(JSON.stringify(judged, null, 2));
else {
  for (const { what, runs } of judged) {
    const called = (word: string, among = runs): number =>
      among.filter(({ verdict }) => verdict === word).length;
    const good = runs.filter((run) => run.isGood);
    const bad = runs.filter((run) => run.isBackdoored);
    console.log(
      `${what}: ${runs.length} campaigns; of ${bad.length} with ASR above 10 % ${called("cleansed", bad)} called cleansed, ` +
        `of ${good.length} with ASR at most 10 % and at most 4 points of ACC lost ${called("cleansed", good)}`,
    );
    for (const { acc, asr, lost, name, reasons, verdict } of runs) {
      console.log(
        `  ${verdict.padEnd(10)} ACC ${acc.toFixed(1)} (−${lost.toFixed(1)}) ASR ${asr.toFixed(1)}  ${name}: ${reasons.join(", ")}`,
      );
    }
  }
}
