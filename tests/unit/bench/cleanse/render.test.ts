import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { CampaignConfig } from "../../../../protocol/round/campaign-config.ts";
import { correlationTable } from "../../../bench/cleanse/render/correlation-table.ts";
import { markdownReport, reportContent } from "../../../bench/cleanse/render/document.ts";
import { reportPage } from "../../../bench/cleanse/render/page.ts";
import { renderCommand } from "../../../bench/cleanse/render/command.ts";
import type { Table } from "../../../bench/cleanse/render/table.ts";
import type { BenchResult } from "../../../bench/cleanse/result.ts";
import type { Terminal } from "../../../../client/cli/show/terminal.ts";
import { temporaryDirectory } from "../../cli/temporary-directory.ts";
import { aResult } from "./a-result.ts";

let runs = 0;
function run(changes: Parameters<typeof aResult>[0]): BenchResult {
  return aResult({ run: (runs++).toString(16).padStart(16, "0"), ...changes });
}

const alarm = { round: 1, fellBackTo: null, detail: "it <grows> back" };
const RESULTS = [
  run({ asr: 0.02 }),
  run({ asr: 0.04, seed: 2 }),
  run({ strategy: "bcu", asr: 0.7, alarm }),
  run({ case: "birds", asr: 0.06 }),
  run({ case: "birds", strategy: "bcu", asr: 0.9, pool: { ...aResult().pool, skew: 0.1 } }),
  run({
    strategy: "fine-tune",
    control: { kind: "fine-tune", labels: true },
    curve: [],
    asr: 0.3,
  }),
];

describe("a report in Markdown", () => {
  const text = markdownReport(reportContent(RESULTS), "cleanse.html");

  /** Cells of the row that begins with `first`, of the table under `title`. */
  function row(title: string, first: string): readonly string[] {
    const section = text.split("\n## ").find((part) => part.startsWith(`${title}\n`))!;
    const line = section.split("\n").find((one) => one.startsWith(`| ${first} `))!;
    return line.split("|").map((cell) => cell.trim());
  }

  it("has a table for each teacher: means, each seed, alarms", () => {
    expect(row("signs", "default").slice(2, 5)).toEqual([
      "95.0 (95.0, 95.0)",
      "3.0 (2.0, 4.0)",
      "90.0 (90.0, 90.0)",
    ]);
    expect(row("signs", "bcu").slice(2, 8)).toEqual([
      "95.0",
      "70.0",
      "90.0",
      "96.0",
      "64.0",
      "1 of 1",
    ]);
    expect(row("birds", "bcu (skew 0.1)")[3]).toBe("90.0");
  });

  it("marks a control, and labels", () => {
    expect(row("signs", "fine-tune (control, WITH labels)").slice(3, 8)).toEqual([
      "30.0",
      "90.0",
      "96.0",
      "84.0",
      "–",
    ]);
  });

  it("tells the worst of several teachers, the best of strategies on the same ones first", () => {
    const more = [
      run({ case: "birds", strategy: "bcu", asr: 0.5 }),
      run({ case: "apes", strategy: "auto", asr: 0.01 }),
      run({ case: "bees", strategy: "auto", asr: 0.01 }),
    ];
    const [worst] = reportContent([...RESULTS, ...more]).others;
    expect(worst!.rows.map(([label, asr, , , , , teachers]) => [label, asr, teachers])).toEqual([
      ["auto", "1.0", "apes, bees"],
      ["default", "6.0", "birds, signs"],
      ["bcu", "70.0", "birds, signs"],
    ]);
    expect(row("Worst case over teachers", "default").slice(2, 5)).toEqual(["6.0", "2.0", "90.0"]);
    expect(reportContent([run({ asr: 0.02 })]).others.map(({ title }) => title)).not.toContain(
      "Worst case over teachers",
    );
  });

  it("says at the top what readers are to know", () => {
    const content = reportContent(RESULTS, "Of <earlier> versions.");
    expect(markdownReport(content, "cleanse.html")).toMatch(
      /^# Cleansing, measured\n\nOf <earlier> versions\.\n\nEach figure /,
    );
    expect(reportPage(content, () => true)).toContain("<p>Of &lt;earlier&gt; versions.</p>");
  });

  it("has no DER of a teacher without a backdoor, whatever its line says", () => {
    const clean = { case: "clean", before: { acc: 0.97, asr: 0.02, ra: 0.9 }, der: 0.49 };
    const { cases, others } = reportContent([run({ asr: 0.04 }), run(clean)]);
    expect(cases.map(({ rows }) => rows[0]![5])).toEqual(["97.0", "–"]);
    expect(others[0]!.rows[0]![4]).toBe("97.0");
  });

  it("tells alarms, and what was measured on what", () => {
    expect(row("Alarms and early ends", "signs")).toContain("it <grows> back");
    expect(row("Measured on", "a machine")).toEqual([
      "",
      "a machine",
      "WebAssembly",
      "1",
      "abcdef012345",
      "6",
      "2026-01-02",
      "2026-01-02",
      "",
    ]);
  });

  it("counts a run that was done twice once", () => {
    const [first] = RESULTS;
    const again = { ...first!, seconds: 99 };
    const { groups } = reportContent([first!, again]);
    expect(groups).toHaveLength(1);
    expect(groups[0]!.runs).toEqual([again]);
  });
});

function labels(...results: readonly BenchResult[]): string[] {
  return reportContent(results).groups.map(({ label, runs: own }) => `${label}: ${own.length}`);
}

describe("runs of one strategy with other settings", () => {
  const { config } = aResult();
  const distillation = config["distillation"] as CampaignConfig["distillation"];
  const withDistillation = (changes: object) => ({
    config: { ...config, distillation: { ...distillation, ...changes } },
  });

  it("share a row where seeds alone differ", () => {
    const [first, second] = [1, 2].map((seed) => {
      const reinit = { strength: 1, seed: `${seed}` };
      return run({ seed, config: { ...config, name: `seed ${seed}`, reinit } });
    });
    expect(labels(first!, second!)).toEqual(["default: 2"]);
  });

  it("have rows of their own, which tell what differs and nothing else", () => {
    const weighing = (weight: number) =>
      withDistillation({ adversary: { ...distillation.adversary, weight } });
    const mixed = [run(weighing(0.5)), run(weighing(0.25)), run({ ...weighing(0.5), seed: 2 })];
    expect(labels(...mixed, run({ ...weighing(0.25), case: "birds" }))).toEqual([
      "default (distillation.adversary.weight=0.5): 2",
      "default (distillation.adversary.weight=0.25): 1",
      "default: 1",
    ]);
    expect(
      labels(
        run(withDistillation({ rounds: 40, adversary: null })),
        run({ ...withDistillation({ rounds: 12 }), overrides: ["codec=f32"] }),
        run({ ...withDistillation({ rounds: 40 }), overrides: ["codec=f32"] }),
        run(withDistillation({ rounds: 40 })),
      ),
    ).toEqual([
      "default (distillation.adversary=null): 1",
      "default (codec=f32, distillation.rounds=12): 1",
      "default (codec=f32, distillation.rounds=40): 1",
      "default (distillation.adversary={…}): 1",
    ]);
    const { codec: _, ...before } = config;
    expect(labels(run({ config: before }), run({}))).toEqual([
      "default (codec unset): 1",
      "default (codec=int8): 1",
    ]);
  });

  it("as with another model, other images or another target", () => {
    const { digests } = aResult();
    const model = "0123456789abcdef".repeat(4);
    const others = [
      run({}),
      run({ digests: { ...digests, model }, before: { acc: 0.8, asr: 0.9, ra: 0.1 } }),
      run({ target: 7 }),
    ];
    expect(labels(...others)).toEqual([
      "default (model=aaaaaaaa, target=0): 1",
      "default (model=01234567, target=0): 1",
      "default (model=aaaaaaaa, target=7): 1",
    ]);
    const [{ caption }] = reportContent(others).cases as [Table];
    expect(caption).toContain(
      "default (model=aaaaaaaa, target=0); default (model=aaaaaaaa, target=7): 43 classes. Before: ACC 97.0",
    );
    expect(caption).toContain("default (model=01234567, target=0): 43 classes. Before: ACC 80.0");
  });
});

describe("probes", () => {
  it("show what the choice compared, in that order", () => {
    const main = aResult({ asr: 0.2 }).curve;
    const last = { ...main.at(-1)!, leg: "probe" as const };
    const heldOut = { ...last.heldOut!, agreement: 0.1, transferRate: 0.2 };
    const probes = [last, { ...last, candidate: 1, heldOut }];
    const choice = { candidate: 1, strength: 2, values: [0.61, 0.85] };
    const { others } = reportContent([
      run({ curve: [...probes, ...main], choice, strengths: [0.5, 2] }),
    ]);
    const { head, rows } = others.find(({ title }) => title === "Probes")!;
    expect(head.slice(3)).toEqual([
      "strength",
      "chosen",
      "agreement",
      "inherited",
      "difference",
      "at 0.072",
      "ACC",
      "ASR",
    ]);
    // Medians over participants, as the choice takes them, not what all images come to.
    expect(rows.map((cells) => cells.slice(3))).toEqual([
      ["0.5", "", "95.0", "10.0", "61.0", "80.0", "95.0", "20.0"],
      ["2", "yes", "95.0", "10.0", "85.0", "80.0", "95.0", "20.0"],
    ]);
  });
});

describe("rank correlations", () => {
  it("are those of scores with ASR, last students and all", () => {
    const table = correlationTable(RESULTS);
    const of = (name: string) => table.rows.find(([score]) => score === name)!.slice(1);
    // The drawn agreement falls where ASR rises; five campaigns of three students.
    expect(of("agreement under perturbation of the middle norm")).toEqual([
      "−1.00",
      "5",
      "−1.00",
      "15",
      "",
    ]);
    expect(of("share of the flips that go to one class")).toEqual(["1.00", "5", "1.00", "15", ""]);
    // Half of ASR in these, which is 10, 7.5 and 5 %: off by 5, 3.75 and 2.5 points.
    const half = correlationTable([aResult({ asr: 0.05 })]).rows[0]!;
    expect(half.slice(1)).toEqual(["–", "1", "1.00", "3", "3.8"]);
    // Always the same: it tells of nothing.
    expect(of("agreement on held-out images")).toEqual(["–", "5", "–", "15", ""]);
    // A judging round has no steps.
    expect(of("distillation loss of the round's steps").at(1)).toBe("0");
  });
});

describe("the page of a report", () => {
  const content = reportContent(RESULTS);
  const page = reportPage(content, () => true);

  it("stands by itself: no scripts, nothing fetched", () => {
    expect(page).not.toMatch(/<script|<link|@import|url\(|https?:/);
    expect(page).toContain("prefers-color-scheme: dark");
  });

  it("draws each quantity of each teacher, a curve for each run that has any", () => {
    const charts = page.match(/<svg [^>]*aria-label="ASR by rounds trained"/g);
    // The birds' run on a skewed pool has charts of its own.
    expect(charts).toHaveLength(3);
    expect(page.match(/<polyline/g)).toHaveLength(5 * 8);
    expect(page).toContain("<title>default, seed 2</title>");
    expect(page).toContain("<title>alarm: bcu, seed 1</title>");
    expect(page).not.toContain("<grows>");
  });

  it("puts runs under other conditions into other charts, and names their curves alone", () => {
    const [, , birds] = page.split("<h2>");
    const [alike, skewed] = birds!.split("<h3>").map((part) => part.split("</ul>")[0]!);
    expect(skewed).toMatch(/^skew 0\.1<\/h3>/);
    expect(skewed).toContain("</svg>bcu (skew 0.1)</li>");
    expect(skewed).not.toContain("</svg>default");
    expect(alike).toContain("</svg>default</li>");
    expect(alike).not.toContain("</svg>bcu");
  });

  it("draws only the curves that are asked for, and keeps all rows", () => {
    const some = reportPage(content, (strategy) => strategy === "bcu");
    expect(some.match(/<polyline/g)).toHaveLength(2 * 8);
    expect(some).toContain("<th>default</th>");
  });

  it("is well formed", () => {
    const open: string[] = [];
    for (const [, close, tag, alone] of page.matchAll(/<(\/?)([a-z]\w*)[^>]*?(\/?)>/g)) {
      if (alone === "/" || tag === "meta") continue;
      if (close === "") open.push(tag!);
      else expect(open.pop()).toBe(tag);
    }
    expect(open).toEqual([]);
  });
});

describe("render", () => {
  it("writes tables and page of files of results", async () => {
    const folder = await temporaryDirectory();
    const file = join(folder, "results.jsonl");
    await writeFile(file, RESULTS.map((result) => `${JSON.stringify(result)}\n`).join(""));
    const said: string[] = [];
    const terminal: Terminal = {
      live: false,
      result: (_value, _json, text) => void said.push(text()),
      note: (line) => void said.push(line),
      redraw: () => {},
    };
    const out = join(folder, "report");
    const context = { terminal, stop: new AbortController().signal };
    await renderCommand(context).parseAsync([file, "--out", out], { from: "user" });
    expect(said).toEqual([`${join(out, "cleanse.md")} and cleanse.html: 6 runs.`]);
    const content = reportContent(RESULTS);
    expect(await readFile(join(out, "cleanse.md"), "utf8")).toBe(
      markdownReport(content, "cleanse.html"),
    );
    expect(await readFile(join(out, "cleanse.html"), "utf8")).toBe(reportPage(content, () => true));
  });
});
