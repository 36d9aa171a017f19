/**
 * `npm run bench:privacy`: what sums that hide cost, beside the same update without: CPU seconds of one
 * participant, of the coordinator and of the helper, and bytes each way, in this process and without a
 * network. Options: --json, --values N,N, --participants N,N; --patterns runs secure aggregation through every
 * way in which three to six may leave, and random ones of up to 32, instead.
 */
import { parseArgs } from "node:util";
import { everyPattern } from "./privacy/patterns.ts";
import { openCosts } from "./privacy/open-costs.ts";
import { secureAggregationCosts } from "./privacy/secure-aggregation-costs.ts";
import { twoOperatorCosts } from "./privacy/two-operator-costs.ts";

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    patterns: { type: "boolean", default: false },
    values: { type: "string", default: "700000,11200000" },
    participants: { type: "string", default: "4,16,32" },
  },
});
const list = (text: string): number[] => text.split(",").map(Number);
const note = (line: string): void => void process.stderr.write(`${line}\n`);

if (options.patterns) {
  await everyPattern(note);
} else {
  const rows = [];
  for (const values of list(options.values)) {
    for (const participants of list(options.participants)) {
      const campaign = { values, participants };
      note(`${values} values, ${participants} participants`);
      rows.push(await openCosts(campaign));
      rows.push(await twoOperatorCosts(campaign));
      // Among four, one may leave.
      const leaving = [0, 1, 4].filter((gone) => 3 * (participants - gone) > 2 * participants);
      for (const gone of leaving) rows.push(await secureAggregationCosts(campaign, gone));
    }
  }
  if (options.json) console.log(JSON.stringify(rows, null, 2));
  else console.table(rows);
}
