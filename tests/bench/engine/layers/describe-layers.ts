import { significant, table } from "../tables.ts";
import { threadsText, type LayersMeasured } from "./measure-layers.ts";

/** All of it for people, as Markdown. */
export function describeLayers(
  { rows, peaks }: LayersMeasured,
  machine: string,
  batch: number,
): string {
  const most = peaks.map(
    ({ threads, gflops, gigabytesPerSecond }) =>
      `- At most, on ${threadsText(threads)}: ${significant(gflops)} GFLOP/s of multiply-adds on registers, ` +
      `${significant(gigabytesPerSecond)} GB/s read and written by a copy`,
  );
  const lines = rows.map((row) => [
    row.layer,
    String(row.threads),
    row.pass,
    row.kind,
    String(row.count),
    significant(row.milliseconds),
    significant(row.flops / row.milliseconds / 1e6),
    significant(row.bytes / row.milliseconds / 1e6),
    row.boundBy,
    percent(row.share),
  ]);
  const head = ["layer", "threads", "pass", "kernel", "count", "ms", "GFLOP/s", "GB/s"];
  return [
    `Kernels of a distillation step of ${batch} images on WebAssembly, each in its fastest round: what would\n` +
      "bind it were all else free, and the share of that which it reaches. Bytes count every operand once.",
    [`- Machine: ${machine}`, ...most].join("\n"),
    table([...head, "bound by", "share"], lines),
    "Kinds of kernels, all of a pass together:",
    kindTable(rows),
  ].join("\n\n");
}

type Rows = LayersMeasured["rows"];

function total(rows: Rows, of: (row: Rows[number]) => number): number {
  return rows.reduce((sum, row) => sum + of(row), 0);
}

function percent(part: number): string {
  return `${Math.round(100 * part)} %`;
}

function kindTable(rows: Rows): string {
  const kinds = Map.groupBy(rows, ({ threads, pass, kind }) => `${threads} ${pass} ${kind}`);
  const lines = [...kinds.values()].map((own) => {
    const { threads, pass, kind } = own[0]!;
    const all = total(
      rows.filter((row) => row.threads === threads),
      ({ milliseconds }) => milliseconds,
    );
    const taken = total(own, ({ milliseconds }) => milliseconds);
    const least = total(own, ({ milliseconds, share }) => milliseconds * share);
    return [
      String(threads),
      pass,
      kind,
      significant(taken),
      percent(taken / all),
      percent(least / taken),
    ];
  });
  return table(["threads", "pass", "kernel", "ms", "of all", "share"], lines);
}
