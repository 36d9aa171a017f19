import { ProtocolError } from "../../errors.ts";
import type { Finding } from "../finding.ts";
import {
  ALLOWED_CALLERS,
  ALLOWED_CALLS,
  ALLOWED_MAKERS,
  ALLOWED_MODULES,
  ALLOWED_PARTIALS,
  DATA_TYPES,
  FAMILIAR,
  GENERATOR_PARTS,
} from "./allowed-names.ts";
import { dangerOfMaking, shown, type Danger } from "./judge-making.ts";
import { globalName, type PickleGlobal } from "./pickle-values.ts";
import type { ReadPickle } from "./read-pickle.ts";
import { STANDARD_MODULES } from "./standard-modules.ts";

/** Most names that a finding lists. */
const MOST_LISTED = 8;

/**
 * What opening the pickle would do to a program that opens it as Python does (SPEC T3), by what it names
 * and calls, whether or not the result is used.
 *
 * @param place where its bytes are, for findings: the name of an entry, or the file
 * @returns what is worth knowing of classes that it names
 * @throws ProtocolError `unsafe-model` for what could run code, `extensions.findings` with all of it.
 */
export function judgePickle({ globals, objects }: ReadPickle, place: string): Finding[] {
  const dangers = new Map<string, Danger>();
  for (const danger of [...objects.map(dangerOfMaking), ...globals.map(dangerOfName)]) {
    if (danger !== undefined && !dangers.has(danger.name)) dangers.set(danger.name, danger);
  }
  if (dangers.size > 0) throw unsafe([...dangers.values()], place);
  const strangers = globals.filter((named) => !isKnown(named) && !isFamiliar(named));
  if (strangers.length === 0) return [];
  return [
    {
      rule: "pickled-classes",
      level: "warning",
      message: `the file names classes or functions that weights have no need of (${listOf(strangers)}): a program that opens it as a pickle loads their code; Scour takes the tensors alone`,
      where: `${place}, byte ${strangers[0]!.at}`,
    },
  ];
}

function unsafe(dangers: readonly Danger[], place: string): ProtocolError {
  const ordered = [...dangers].sort((a, b) => a.at - b.at).slice(0, MOST_LISTED);
  const { at, does } = ordered[0]!;
  return new ProtocolError(
    "unsafe-model",
    `opening this pickle ${does} (${place}, byte ${at}), which may do whatever its author chose. Open it nowhere: ask for the weights as safetensors, or for the state dict alone, torch.save(model.state_dict(), FILE)`,
    {
      findings: ordered.map((danger): Finding => ({
        rule: "pickle-runs-code",
        level: "danger",
        message: `opening this pickle ${danger.does}, which may do whatever its author chose; Scour does not run it, and refuses the file`,
        where: `${place}, byte ${danger.at}`,
      })),
    },
  );
}

/** Python's own modules are on every machine: what of them is no data, no checkpoint has a use for. */
function dangerOfName(named: PickleGlobal): Danger | undefined {
  if (isKnown(named)) return undefined;
  // A dotted name goes on through what the module has imported.
  const parts = named.name.split(".");
  const passes = parts.length > 1 && parts.some((part) => STANDARD_MODULES.has(part));
  if (!passes && !STANDARD_MODULES.has(named.module.split(".", 1)[0]!)) return undefined;
  const name = globalName(named);
  return { name, does: `takes up ${shown(name)}`, at: named.at };
}

function isKnown(named: PickleGlobal): boolean {
  const name = globalName(named);
  return (
    ALLOWED_CALLS.has(name) ||
    ALLOWED_MAKERS.has(name) ||
    ALLOWED_CALLERS.has(name) ||
    ALLOWED_MODULES.has(named.module)
  );
}

function isFamiliar(named: PickleGlobal): boolean {
  if (named.name.includes(".")) return false;
  const name = globalName(named);
  return [FAMILIAR, DATA_TYPES, ALLOWED_PARTIALS, GENERATOR_PARTS].some((form) => form.test(name));
}

function listOf(strangers: readonly PickleGlobal[]): string {
  const names = [...new Set(strangers.map(globalName))];
  const more = names.length - MOST_LISTED;
  return `${names.slice(0, MOST_LISTED).map(shown).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
