import type { parseArgs } from "node:util";
import type { CaseSize } from "./distillation-case.ts";
import { usualBatches, type NetworkName } from "./networks.ts";

/** Options that both benchmarks have. */
export const COMMON_OPTIONS = {
  help: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  network: { type: "string" },
  batch: { type: "string" },
  engines: { type: "string" },
  rounds: { type: "string", default: "3" },
  seconds: { type: "string", default: "1" },
  minutes: { type: "string", default: "10" },
  all: { type: "boolean", default: false },
} as const satisfies NonNullable<Parameters<typeof parseArgs>[0]>["options"];

/** Ends the process with a message about how it was called. */
export function refuse(message: string): never {
  console.error(`${message}\nSee --help.`);
  process.exit(2);
}

/** `16,64` → [16, 64]. */
export function wholeNumbers(option: string, text: string): number[] {
  return text.split(",").map((part) => {
    const value = Number(part);
    if (!Number.isInteger(value) || value < 1) refuse(`--${option} ${text}: '${part}' is no size`);
    return value;
  });
}

/** A number above 0. */
export function positive(option: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) refuse(`--${option} ${text}: a number above 0 is wanted`);
  return value;
}

/** Every network with every batch; those that are usual for each where none are asked for. */
export function sizesOf(
  networks: readonly NetworkName[],
  batches: readonly number[] | undefined,
): CaseSize[] {
  return networks.flatMap((network) =>
    (batches ?? usualBatches(network)).map((batch) => ({ network, batch })),
  );
}

/** Names out of a list; all of them when not asked for. */
export function chosen<Name extends string>(
  option: string,
  text: string | undefined,
  names: readonly Name[],
): readonly Name[] {
  if (text === undefined) return names;
  return text.split(",").map((part) => {
    const name = names.find((known) => known === part);
    return name ?? refuse(`--${option}: '${part}' is not one of ${names.join(", ")}`);
  });
}
