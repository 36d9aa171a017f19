import { FAMILIES } from "./architectures/families.ts";
import type { Form } from "./architectures/family.ts";
import { isAside, sharedTensors } from "./compare-tensors.ts";
import { Drawing, type Tensors } from "./drawing.ts";
import type { Drawn } from "./drawn.ts";
import { headInFile } from "./head-in-file.ts";
import { nameInFile } from "./naming.ts";
import type { NetworkSettings } from "./network-settings.ts";

/** A network that a file may hold. */
export interface Candidate {
  /** For people: the family and whose files are so. */
  readonly form: string;
  /** The same with the member's name. */
  readonly title: string;
  readonly drawn: Drawn;
  /** What to do where some names alone begin as its do: a sentence. */
  readonly partial?: string | undefined;
  /** The file's tensors without those that files of the form have and nothing reads. */
  readonly used: Tensors;
}

/** So many of the forms with most marks are drawn. */
const DRAWN = 4;

/** A network of which the file has fewer of the tensors' names is not close to it. */
const LEAST_SHARE = 0.5;

/**
 * The form of all families whose network, drawn from these tensors, has most of them; undefined where no
 * tensor is named as in any. A few names are looked up for each form, and only the likeliest are drawn.
 * What all weights' names begin with (`module.`, `model.`) is left aside, and the last layer may have any name.
 */
export function closestDrawing(tensors: Tensors, given: NetworkSettings): Candidate | undefined {
  const names = [...tensors.values()].filter((one) => !isAside(one)).map(({ name }) => name);
  const prefixes = [...new Set([commonPrefix(names), "", mostOften(names)])];
  const likely = FAMILIES.flatMap(({ forms, title }) =>
    forms.flatMap((form) =>
      prefixes.map((prefix) => {
        const nameOf = (own: string): string => prefix + nameInFile(form, own);
        const there = form.marks.filter((mark) => tensors.has(nameOf(mark))).length;
        return { title, form, prefix, nameOf, share: there / form.marks.length };
      }),
    ),
  )
    .filter(({ share }) => share > 0)
    .toSorted((a, b) => b.share - a.share)
    .slice(0, DRAWN);
  let closest: (Candidate & { readonly shared: number }) | undefined;
  for (const { form, nameOf, prefix, title } of likely) {
    const used = withoutUnused(tensors, form, prefix);
    const drawn = drawForm(form, used, nameOf, given);
    const { parameters } = drawn.graph;
    const named = parameters.filter(({ name }) => tensors.has(name)).length;
    if (named < LEAST_SHARE * parameters.length) continue;
    const shared = sharedTensors(drawn.graph, used);
    if (closest !== undefined && shared <= closest.shared) continue;
    const of = `${title} as in ${form.origin}`;
    const without = names.find((name) => !name.startsWith(prefix));
    const partial = without === undefined ? undefined : partialText(prefix, without);
    const as = `${drawn.graph.architecture} (${of})`;
    closest = { form: of, title: as, drawn, partial, used, shared };
  }
  return closest;
}

/** As the form has it, with the head that the file has instead. */
function drawForm(
  form: Form,
  tensors: Tensors,
  nameOf: (own: string) => string,
  given: NetworkSettings,
): Drawn {
  const drawn = form.draw(new Drawing(tensors, nameOf, given));
  const renamed = headInFile(drawn.graph, tensors);
  if (renamed === undefined) return drawn;
  return form.draw(new Drawing(tensors, (own) => renamed(nameOf(own)), given));
}

function withoutUnused(tensors: Tensors, { unused }: Form, prefix: string): Tensors {
  if (unused === undefined) return tensors;
  return new Map(
    [...tensors].filter(
      ([name]) => !name.startsWith(prefix) || !unused.test(name.slice(prefix.length)),
    ),
  );
}

function partialText(prefix: string, without: string): string {
  return `'${prefix}' stands before some names only, not before '${without}', and what is to be left aside is not guessed: where all of the classifier is under it, say so with the setting network.prefix; else give all names the same beginning, or none`;
}

/** What more than half of the names begin with, up to the first dot; nothing where there is no such. */
function mostOften(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) {
    const start = name.slice(0, name.indexOf(".") + 1);
    counts.set(start, (counts.get(start) ?? 0) + 1);
  }
  return [...counts].find(([, count]) => 2 * count > names.length)?.[0] ?? "";
}

/** What all names begin with, up to a dot. */
function commonPrefix(names: readonly string[]): string {
  const [first = "", ...others] = names;
  let end = first.lastIndexOf(".") + 1;
  for (const name of others) {
    while (!name.startsWith(first.slice(0, end))) {
      end = first.slice(0, end - 1).lastIndexOf(".") + 1;
    }
  }
  return first.slice(0, end);
}
