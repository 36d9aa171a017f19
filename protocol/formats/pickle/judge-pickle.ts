import { ProtocolError } from "../../errors.ts";
import { cutText } from "../../text.ts";
import type { Finding } from "../finding.ts";
import {
  ALLOWED_CALLERS,
  ALLOWED_CALLS,
  ALLOWED_MAKERS,
  ALLOWED_MODULES,
  FAMILIAR,
} from "./allowed-names.ts";
import {
  globalName,
  isRecord,
  type PickleGlobal,
  type PickleObject,
  type PickleValue,
} from "./pickle-values.ts";
import type { ReadPickle } from "./read-pickle.ts";
import { STANDARD_MODULES } from "./standard-modules.ts";

/** Most names that a finding lists. */
const MOST_LISTED = 8;

/** Longest name in a sentence. */
const MOST_CHARACTERS = 120;

interface Danger {
  /** What the danger is in, by which it is told once. */
  readonly name: string;
  readonly does: string;
  readonly at: number;
}

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
      message: `the file names classes or functions that are not PyTorch's (${listOf(strangers)}): a program that opens it as a pickle loads their code; Scour takes the tensors alone`,
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

/** What the making of an object would call that is not known to make mere data. */
function dangerOfMaking({ args, at, maker, making }: PickleObject): Danger | undefined {
  const named = asGlobal(maker);
  if (named === undefined) {
    return { name: "", does: "calls something that it has made itself", at };
  }
  const name = globalName(named);
  if (ALLOWED_CALLS.has(name)) return undefined;
  if (ALLOWED_CALLERS.has(name)) return dangerOfMaking(callOf(args[0], at));
  if (!ALLOWED_MAKERS.has(name)) {
    // Without arguments, what makes a bare object of a class is the same for almost all.
    return making === "new" && args.length === 0
      ? undefined
      : { name, does: `calls ${shown(name)}`, at };
  }
  const [type, base, ...others] = args;
  const allowed = (value: PickleValue | undefined) =>
    ALLOWED_CALLS.has(globalName(asGlobal(value) ?? { module: "", name: "" }));
  // `_reconstructor(type, object, None)` makes what `__newobj__(type)` does.
  const isBare =
    asGlobal(type) !== undefined && (base === undefined || (allowed(base) && others.length === 1));
  return isBare || allowed(type) ? undefined : dangerOfMaking(callOf(type, at));
}

function callOf(maker: PickleValue | undefined, at: number): PickleObject {
  const parts = { args: [], state: undefined, items: [], entries: [] };
  return { kind: "object", making: "call", maker: maker ?? null, at, ...parts };
}

/** Python's own modules are on every machine: what of them is no data, no checkpoint has a use for. */
function dangerOfName(named: PickleGlobal): Danger | undefined {
  if (isKnown(named)) return undefined;
  // A dotted name goes on through what the module has imported.
  if (!isStandard(named.module) && !(named.name.includes(".") && isStandard(named.name))) {
    return undefined;
  }
  const name = globalName(named);
  return { name, does: `takes up ${shown(name)}`, at: named.at };
}

/** A name in a sentence: a pickle's may be a page long. */
function shown(name: string): string {
  return cutText(name, MOST_CHARACTERS);
}

function isStandard(path: string): boolean {
  return STANDARD_MODULES.has(path.split(".", 1)[0]!);
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
  return !named.name.includes(".") && FAMILIAR.test(globalName(named));
}

function listOf(strangers: readonly PickleGlobal[]): string {
  const names = [...new Set(strangers.map(globalName))];
  const more = names.length - MOST_LISTED;
  return `${names.slice(0, MOST_LISTED).map(shown).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** A class or function; in files before PyTorch 1.6 a module's class comes with its source. */
export function asGlobal(value: PickleValue | undefined): PickleGlobal | undefined {
  if (isRecord(value, "global")) return value;
  if (!isRecord(value, "persistent") || !isRecord(value.id, "tuple")) return undefined;
  const [kind, type] = value.id.items;
  return kind === "module" && isRecord(type, "global") ? type : undefined;
}
