import { FAMILIES } from "../../model/architectures/families.ts";
import { isAside } from "../../model/compare-tensors.ts";
import type { NamedTensor } from "../../model/named-tensor.ts";
import { nameInFile } from "../../model/naming.ts";
import { withoutNormalisation } from "../input-normalisation.ts";
import { areAverages } from "./averages.ts";
import type { ModelFile, NewValues, TensorPart, TensorSet } from "../model-file.ts";

/** Of what a form's networks have, at least such a share is under a prefix where one may be. */
const LEAST_SHARE = 0.5;

/** A file with more is none that people write: it is taken for one network. */
const MOST_SETS = 16;

/** So many parts has the longest name by which a form is told. */
const MOST_PARTS = 8;

/** What stands beside a classifier and is none of its layers, by any part of a name: what makes triggers. */
const BESIDE =
  /(^|\.)(net_?[dgm]|generator|discriminator|mask_?(generator|net)?|trigger(_?\w+)?|atk_?model|attacker|(noise|identity)_grid)(\.|$)/i;

/** Names of the tensors by which each form is told, as its files have them. */
const MARKS = FAMILIES.flatMap(({ forms }) =>
  forms.map((form) => form.marks.map((mark) => nameInFile(form, mark))),
);

/** Which forms begin with a tensor of this name. */
const BY_STEM = Map.groupBy(MARKS, ([stem]) => stem!);

/**
 * The networks that stand beside each other in one list of names, each under a prefix of its own
 * (`module.model.` and `module.attacker.model.`, `netC.` and `netG.`); none where the file is one network,
 * or nobody can tell what the rest of it is for.
 *
 * @param given the prefix that was named: what is under it is one of them, whatever the rest is for
 */
export function setsByPrefix(file: ModelFile, given: string | undefined): TensorSet[] {
  const tensors = withoutNormalisation(file.tensors);
  const prefixes = new Set([...(given === undefined ? [] : [given]), ...networkPrefixes(tensors)]);
  return [...prefixes]
    .filter((prefix) => isPart(tensors, prefix))
    .map((prefix) => setOf(file, prefix));
}

/** Of a file's tensors those of none of some sets, and of nothing that is known to stand beside a classifier. */
export function tensorsAround(
  tensors: readonly NamedTensor[],
  sets: readonly TensorSet[],
): NamedTensor[] {
  return tensors.filter(
    ({ name }) => !BESIDE.test(name) && !sets.some(({ prefix }) => name.startsWith(prefix)),
  );
}

/** The tensors of which the names begin so, by what follows. */
export function tensorsUnder(tensors: readonly NamedTensor[], prefix: string): NamedTensor[] {
  return tensors
    .filter(({ name }) => name.startsWith(prefix))
    .map(({ dtype, name, shape, values }) => ({
      name: name.slice(prefix.length),
      shape,
      dtype,
      values,
    }));
}

/** What stands before the names of each of several networks, in the file's order; nothing where it is one. */
export function networkPrefixes(tensors: readonly NamedTensor[]): string[] {
  const names = weightNames(tensors);
  const prefixes = prefixesOfForms(names);
  if (prefixes.length > MOST_SETS) return [];
  const isKnown = names.every(
    (name) => BESIDE.test(name) || prefixes.some((prefix) => name.startsWith(prefix)),
  );
  const isOne = prefixes.some((prefix) => !isPart(tensors, prefix));
  return isKnown && !isOne ? prefixes : [];
}

function weightNames(tensors: readonly NamedTensor[]): string[] {
  return tensors.filter((one) => !isAside(one)).map(({ name }) => name);
}

/** Whether some weights' names begin so, and others not. */
function isPart(tensors: readonly NamedTensor[], prefix: string): boolean {
  const names = weightNames(tensors);
  const under = names.filter((name) => name.startsWith(prefix)).length;
  return under > 0 && under < names.length;
}

/** What stands before names by which a form is told. */
function prefixesOfForms(names: readonly string[]): string[] {
  const all = new Set(names);
  const found = new Set<string>();
  for (const name of names) {
    const parts = name.split(".");
    for (let from = Math.max(1, parts.length - MOST_PARTS); from < parts.length; from++) {
      const forms = BY_STEM.get(parts.slice(from).join("."));
      if (forms === undefined) continue;
      const prefix = `${parts.slice(0, from).join(".")}.`;
      const isThere = forms.some((marks) => {
        const there = marks.filter((mark) => all.has(prefix + mark)).length;
        return there >= LEAST_SHARE * marks.length;
      });
      if (isThere) found.add(prefix);
    }
  }
  return [...found];
}

function setOf(file: ModelFile, prefix: string): TensorSet {
  // Sets and float32 in place of less are of the whole file, by its own names.
  const { sets: _sets, widened: _widened, ...inside } = file;
  const tensors = tensorsUnder(file.tensors, prefix);
  const own = new Set(tensors.map(({ name }) => name));
  const partInFile = (part: TensorPart): TensorPart => {
    if (!own.has(part.name)) {
      throw new RangeError(`the file has no float tensor '${prefix}${part.name}'`);
    }
    return { ...part, name: prefix + part.name };
  };
  return {
    prefix,
    isAverage: areAverages(prefix.split(".")),
    tensors,
    open: (copies) => ({
      ...inside,
      tensors,
      read: async function* (parts) {
        for await (const { part, values } of file.read(parts.map(partInFile))) {
          yield { part: { ...part, name: part.name.slice(prefix.length) }, values };
        }
      },
      restore: async function* (values) {
        const prefixes = [prefix, ...(await copies()).map((copy) => copy.prefix)];
        yield* file.restore(underPrefixes(values, prefixes));
      },
    }),
  };
}

/** New values of one network for all that are copies of it. */
function underPrefixes(values: NewValues, prefixes: readonly string[]): NewValues {
  // Of prefixes that begin alike the longer is meant.
  const longestFirst = prefixes.toSorted((a, b) => b.length - a.length);
  const ownName = (name: string): string | undefined => {
    const prefix = longestFirst.find((one) => name.startsWith(one));
    return prefix === undefined ? undefined : name.slice(prefix.length);
  };
  return {
    has: (name) => {
      const own = ownName(name);
      return own !== undefined && values.has(own);
    },
    read: (part) => values.read({ ...part, name: ownName(part.name)! }),
  };
}
