import { bytesText, countText, percent } from "../../../text/numbers-text.ts";
import { preprocessingText } from "../../show/preprocessing-text.ts";
import { textTable } from "../../show/text-table.ts";
import type { CheckedModel, CheckReport, LookedAt, Verdict } from "./check-report.ts";

/** What was found, for people. */
export function checkText(report: CheckReport): string {
  const { bytes, findings, kind, model, network, pictures, refusal, sha256, tensors, verdict } =
    report;
  const rows = [
    ["file", model],
    ["what it is", kind ?? "no model file that is read here"],
    ["size", known(bytes, bytesText)],
    ["SHA-256", sha256 ?? "–"],
    ["tensors", known(tensors, countText)],
    ...(network === null ? [] : networkRows(network)),
    ...(pictures === undefined ? [] : [["pictures", picturesText(pictures)]]),
  ];
  return [
    textTable(rows),
    ...(network === null ? [] : ["", textTable(stageRows(network))]),
    ...(findings.length === 0 ? [] : [""]),
    ...findings.map(
      ({ level, message, where }) =>
        `${level}: ${message}${where === undefined ? "" : ` (${where})`}`,
    ),
    "",
    `${VERDICTS[verdict]}${refusal === null ? "" : `: ${refusal.message}`}`,
  ].join("\n");
}

function known(value: number | null, text: (value: number) => string): string {
  return value === null ? "–" : text(value);
}

const VERDICTS: Readonly<Record<Verdict, string>> = {
  accepted: "It can be taken: `campaign create --model …` uploads it",
  refused: "It cannot be taken so",
  unreadable: "It cannot be read",
  dangerous: "DANGEROUS: do not open it with anything else",
};

function networkRows(network: CheckedModel): string[][] {
  const { architecture, classes, classNames, form, image, parameters, preprocessing } = network;
  const { channels, size } = image;
  const names =
    classNames === null
      ? ""
      : ` (${classNames.slice(0, 5).join(", ")}${classNames.length > 5 ? ", …" : ""})`;
  const statistics =
    parameters.statistics === 0
      ? ""
      : `, and ${countText(parameters.statistics)} running statistics`;
  return [
    ["network", `${architecture}, of the form ${form}`],
    ["classes", `${countText(classes)}${names}`],
    ["parameters", `${countText(parameters.trainable)}${statistics}`],
    [
      "it sees",
      preprocessing === null
        ? `images of ${size}×${size}, ${channels === 1 ? "grey" : "in colour"}`
        : preprocessingText({ height: size, width: size, channels }, preprocessing),
    ],
  ];
}

function picturesText({ confidence, distance, images, misfit }: LookedAt): string {
  const away = distance === null ? "" : `, ${Number(distance.toPrecision(2))} away`;
  const fits = misfit === null ? "such as it was trained on" : "they do not fit";
  return `${countText(images)}, on which it is ${percent(confidence)} sure${away}: ${fits}`;
}

function stageRows({ stages }: CheckedModel): string[][] {
  return [
    ["stage", "weights", "re-initialised with --strength 1"],
    ...stages.map(({ share, stage, values }) => [stage, countText(values), percent(share)]),
  ];
}
