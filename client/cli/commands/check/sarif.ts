import { PROBLEMS } from "../../../../protocol/errors.ts";
import type { Finding } from "../../../../protocol/formats/finding.ts";
import type { CheckReport } from "./check-report.ts";

const LEVELS: Readonly<Record<Finding["level"], "note" | "warning" | "error">> = {
  note: "note",
  warning: "warning",
  danger: "error",
};

/**
 * A report as a log of the Static Analysis Results Interchange Format
 * (https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html): every finding is a result, and so is
 * the reason why a file cannot be taken.
 *
 * @param version of Scour
 */
export function sarifLog(report: CheckReport, version: string) {
  const { findings, model, refusal, sha256 } = report;
  const results = [
    ...findings.map(({ level, message, rule, where }) => ({
      ruleId: rule,
      level: LEVELS[level],
      message: { text: message },
      where,
    })),
    ...(refusal === null
      ? []
      : [
          {
            ruleId: refusal.rule,
            level: "error" as const,
            message: { text: refusal.message },
            where: undefined,
          },
        ]),
  ];
  const rules = [...new Set(results.map(({ ruleId }) => ruleId))];
  const uri = encodeURI(model);
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "Scour",
            version,
            rules: rules.map((id) => ({ id, shortDescription: { text: titleOf(id) } })),
          },
        },
        artifacts: [
          {
            location: { uri },
            ...(sha256 !== null && { hashes: { "sha-256": sha256 } }),
          },
        ],
        results: results.map(({ level, message, ruleId, where }) => ({
          ruleId,
          ruleIndex: rules.indexOf(ruleId),
          level,
          message,
          locations: [
            {
              physicalLocation: { artifactLocation: { uri, index: 0 } },
              ...(where !== undefined && { logicalLocations: [{ fullyQualifiedName: where }] }),
            },
          ],
        })),
      },
    ],
  };
}

/** A problem's title; a finding's rule speaks for itself. */
function titleOf(rule: string): string {
  return Object.hasOwn(PROBLEMS, rule)
    ? PROBLEMS[rule as keyof typeof PROBLEMS].title
    : rule.replaceAll("-", " ");
}
