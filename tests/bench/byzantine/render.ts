import { thisMachine } from "../engine/report.ts";
import type { ByzantineRow } from "./command.ts";

interface About {
  readonly participants: number;
  readonly rounds: number;
  readonly images: number;
  readonly teacher: Pick<ByzantineRow, "acc" | "asr">;
  readonly before: Pick<ByzantineRow, "acc" | "asr">;
}

const percent = (share: number | null): string => (share === null ? "–" : (100 * share).toFixed(1));

/** Points of ACC that one rule loses to the worst attack, beside the same rule without anybody hostile. */
function worstLoss(rows: readonly ByzantineRow[], rule: string, hostile: number): string {
  const clean = rows.find((row) => row.rule === rule && row.hostile === 0)?.acc ?? 0;
  const losses = rows
    .filter((row) => row.rule === rule && row.hostile === hostile && row.taken === rule)
    .map(({ acc, attack }) => ({ attack, points: 100 * (clean - (acc ?? 0)) }))
    .sort((a, b) => b.points - a.points);
  const [worst] = losses;
  if (worst === undefined) return "–";
  return worst.points < 1 ? "< 1" : `${worst.points.toFixed(0)} (${worst.attack})`;
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...lines]
    .map((line) => `| ${line.join(" | ")} |`)
    .join("\n");
}

/** What was made, as a page. */
export function markdownReport(rows: readonly ByzantineRow[], about: About): string {
  const rules = [...new Set(rows.map(({ rule }) => rule))];
  const counts = [...new Set(rows.map(({ hostile }) => hostile))].filter((f) => f > 0);
  const summary = table(
    ["rule", "nobody: ACC / ASR", ...counts.map((f) => `${f} hostile: ACC lost to the worst`)],
    rules.map((rule) => {
      const clean = rows.find((row) => row.rule === rule && row.hostile === 0);
      return [
        rule,
        `${percent(clean?.acc ?? null)} / ${percent(clean?.asr ?? null)}`,
        ...counts.map((f) => worstLoss(rows, rule, f)),
      ];
    }),
  );
  const attacks = [...new Set(rows.map(({ attack }) => attack))];
  const each = counts.map((f) => {
    const head = attacks.filter((attack) =>
      rows.some((row) => row.attack === attack && row.hostile === f),
    );
    const lines = rules.map((rule) => {
      const cells = head.map((attack) => {
        const row = rows.find(
          (one) => one.rule === rule && one.attack === attack && one.hostile === f,
        );
        if (row === undefined || row.taken !== rule) return "too few";
        return `${percent(row.acc)} / ${percent(row.asr)}`;
      });
      return [rule].concat(cells);
    });
    return `## ${f} of ${about.participants} hostile\n\n${table(["rule", ...head], lines)}`;
  });
  return `# One round, by rule and attack

Made by \`npm run bench:byzantine\`: the demo's model, ${about.participants} participants with 500 drawn images each. Round ${about.rounds} of ${about.rounds} was recorded; of its honest updates the first f give way to an attack's, kept to what the door takes (SPEC U8), and each rule of SPEC O makes a student of them, f being what it is told to bear. ACC / ASR in per cent on ${about.images} images. The teacher: ${percent(about.teacher.acc)} / ${percent(about.teacher.asr)}; the student before the round: ${percent(about.before.acc)} / ${percent(about.before.asr)}. _Too few_: the rule does not bear so many of ten, and the round would step down (SPEC O9).

${summary}

${each.join("\n\n")}

${thisMachine()}
`;
}
