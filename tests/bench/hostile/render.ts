import { markdownTable, points } from "../cleanse/render/table.ts";
import type { HostileResult } from "./result.ts";

const WHEN = { last: "last round", late: "last three rounds", all: "all rounds" } as const;

/** What the bench found, as Markdown: a table for each rule and seed. */
export function markdownReport(
  results: readonly HostileResult[],
  teacher: string | undefined,
): string {
  const groups = new Map<string, HostileResult[]>();
  for (const result of results) {
    const title = `${ruleText(result)}, seed ${result.seed}`;
    groups.set(title, [...(groups.get(title) ?? []), result]);
  }
  const failed = results.filter(({ verdict }) => verdict === "FAIL").length;
  return [
    "# Hostile participants, measured",
    `Made by \`npm run bench:hostile\`: the demo's model and images, 5 participants with 500 images each, 8 rounds of 12 steps of 32, else as a campaign that was created without options. Some of the five hold a valid credential and mean harm: each row says what they send instead of an honest update, how many they are and in which rounds.${teacher === undefined ? "" : ` ${teacher}`}`,
    "ACC, ASR, RA: of the model that the campaign hands out at its end, in per cent, on 1,000 images. `watch`: the exit code of `scour watch`; a dash where the campaign did not end. × median: length of the longest hostile update over the round's median, of trainable values / of running statistics, before any clipping. Verdict: **holds**, no worse than a campaign without anybody hostile by 3 points of ACC or 5 of ASR; **told**, it may be worse, and the campaign did not end as success; **FAIL**, it is worse, and the campaign said that all is well.",
    `${results.length} campaigns, ${failed} failed.`,
    ...[...groups].map(([title, rows]) => section(title, rows)),
  ].join("\n\n");
}

function section(title: string, results: readonly HostileResult[]): string {
  const table = markdownTable({
    title,
    caption: "",
    head: [
      "attack",
      "what is sent",
      "who, when",
      "ACC",
      "ASR",
      "RA",
      "ended",
      "`watch`",
      "× median",
      "verdict",
      "what was said",
    ],
    rows: results.map((result) => [
      result.attack.split(":")[0]!,
      result.about,
      result.hostile === 0
        ? "–"
        : `${result.hostile} of ${result.participants}, ${WHEN[result.when]}`,
      points(result.after.acc),
      points(result.after.asr),
      points(result.after.ra),
      result.state,
      result.watchExit === null ? "–" : String(result.watchExit),
      result.hostile === 0
        ? "–"
        : `${timesText(result.longest.trainable)} / ${timesText(result.longest.statistics)}`,
      result.verdict,
      saidText(result),
    ]),
  });
  const { commit, machine } = results[0]!;
  return `## ${title}\n\n${table}\n\nCommit ${commit}; ${machine}.`;
}

function ruleText({ overrides, rule }: HostileResult): string {
  const { kind, ...settings } = rule;
  const more = Object.entries(settings).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  return [String(kind), ...more, ...overrides].join(", ");
}

function saidText({ broken, deaths, detail, refusals, said }: HostileResult): string {
  const [refusal] = refusals;
  const words = [
    ...(refusal === undefined ? [] : [`refused ${refusals.length} ×: ${refusal}`]),
    ...(deaths.length === 0 ? [] : [`an honest participant failed: ${deaths[0]}`]),
    ...(broken === null ? [] : [`cannot be judged: ${broken}`]),
    ...said
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("Campaign c-"))
      .map((line) => line.trim()),
    ...(detail === null || said.includes(detail) ? [] : [detail]),
  ];
  return words.length === 0 ? "–" : words.join("; ");
}

function timesText(times: number | null): string {
  if (times === null) return "–";
  if (times === 0) return "0";
  if (times >= 1e4 || times < 0.01) return times.toExponential(0);
  return times >= 10 ? times.toFixed(0) : times.toPrecision(2);
}
