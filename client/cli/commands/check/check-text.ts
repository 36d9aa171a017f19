import type { Finding } from "../../../../protocol/formats/finding.ts";
import { bytesText, countText, percent } from "../../../text/numbers-text.ts";
import { preprocessingText } from "../../show/preprocessing-text.ts";
import { textTable } from "../../show/text-table.ts";
import { quoted } from "../../settings/given-text.ts";
import { namesText } from "../../stand-ins.ts";
import type { CheckedModel, CheckReport, LookedAt, Verdict } from "./check-report.ts";

/**
 * What was found, for people.
 *
 * @param flags what was said of the model on the command line, to be said again to `campaign create`
 */
export function checkText(report: CheckReport, flags = ""): string {
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
    ...findings
      .toSorted((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level))
      .map(
        ({ level, message, where }) =>
          `${level}: ${message}${where === undefined ? "" : ` (${namesText(where.split(", "))})`}`,
      ),
    "",
    verdict === "accepted"
      ? acceptedText(report, flags)
      : `${VERDICTS[verdict]}${refusal === null ? "" : `: ${refusal.message}`}`,
  ].join("\n");
}

function known(value: number | null, text: (value: number) => string): string {
  return value === null ? "–" : text(value);
}

/** What matters most comes first. */
const LEVELS: readonly Finding["level"][] = ["danger", "warning", "note"];

/** `campaign create` asks for mean and std where nothing tells them. */
function acceptedText({ model, network }: CheckReport, flags: string): string {
  const isAsked = network?.preprocessing === null;
  const said = [`--model ${quoted(model)}`, flags, isAsked ? "--mean … --std …" : ""];
  const command = `campaign create ${said.filter((part) => part !== "").join(" ")}`;
  return `It can be taken${isAsked ? ", with --mean and --std" : ""}: \`${command}\` uploads it`;
}

const VERDICTS: Readonly<Record<Exclude<Verdict, "accepted">, string>> = {
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
    ["stage", "weights", "would be re-initialised with --strength 1 (default 0: none)"],
    ...stages.map(({ share, stage, values }) => [stage, countText(values), percent(share)]),
  ];
}
