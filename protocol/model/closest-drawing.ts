import { FAMILIES } from "./architectures/families.ts";
import { sharedTensors } from "./compare-tensors.ts";
import { Drawing, type Drawn, type Tensors } from "./drawing.ts";
import { nameInFile } from "./naming.ts";
import type { NetworkSettings } from "./network-settings.ts";

/** A network that a file may hold. */
export interface Candidate {
  /** For people: the family and whose files are so. */
  readonly form: string;
  /** The same with the member's name. */
  readonly title: string;
  readonly drawn: Drawn;
}

/** So many of the forms with most marks are drawn. */
const DRAWN = 4;

/** A network of which the file has fewer of the tensors' names is not close to it. */
const LEAST_SHARE = 0.25;

/**
 * The form of all families whose network, drawn from these tensors, has most of them; undefined where no
 * tensor is named as in any. A few names are looked up for each form, and only the likeliest are drawn.
 * What all names begin with (`module.`, `model.`) is left aside.
 */
export function closestDrawing(tensors: Tensors, given: NetworkSettings): Candidate | undefined {
  const prefixes = [...new Set([commonPrefix([...tensors.keys()]), ""])];
  const likely = FAMILIES.flatMap(({ forms, title }) =>
    forms.flatMap((form) =>
      prefixes.map((prefix) => {
        const nameOf = (own: string): string => prefix + nameInFile(form, own);
        const there = form.marks.filter((mark) => tensors.has(nameOf(mark))).length;
        return { title, form, nameOf, share: there / form.marks.length };
      }),
    ),
  )
    .filter(({ share }) => share > 0)
    .toSorted((a, b) => b.share - a.share)
    .slice(0, DRAWN);
  let closest: (Candidate & { readonly shared: number }) | undefined;
  for (const { form, nameOf, title } of likely) {
    const drawn = form.draw(new Drawing(tensors, nameOf, given));
    const { parameters } = drawn.graph;
    const named = parameters.filter(({ name }) => tensors.has(name)).length;
    if (named < LEAST_SHARE * parameters.length) continue;
    const shared = sharedTensors(drawn.graph, tensors);
    if (closest !== undefined && shared <= closest.shared) continue;
    const of = `${title} as in ${form.origin}`;
    closest = { form: of, title: `${drawn.graph.architecture} (${of})`, drawn, shared };
  }
  return closest;
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
