import { ProtocolError } from "../errors.ts";
import { FAMILIES } from "./architectures/families.ts";
import type { Family } from "./architectures/family.ts";
import { CLASSES, sizeOf, type Graph } from "./graph.ts";
import type { NamedTensor } from "./named-tensor.ts";
import { graphInFile, nameInFile, type Naming } from "./naming.ts";
import { NAMINGS } from "./namings.ts";
import { stateLayout, type StateLayout } from "./state-layout.ts";

export interface RecognisedModel {
  /** Its parameters have the file's names. */
  readonly graph: Graph;
  readonly layout: StateLayout;
}

/** What a file may hold: a graph to compare its tensors with. */
interface Candidate {
  readonly title: string;
  readonly graph: Graph;
  /** What to say of a parameter whose tensor has this shape instead. */
  hint(parameter: number, shape: readonly number[]): string | undefined;
}

/**
 * Recognises the architecture from a file's tensors, by names, shapes and whether they hold floats
 * (SPEC G2), and lays out its state vector (S1). Integer tensors the architecture does not know, such
 * as `num_batches_tracked`, are left aside.
 *
 * @param tensors in the file's order
 * @param brought the graph, where the file brings its own: then it is what tensors are compared with
 * @throws ProtocolError `unsupported-model` that says which known architecture comes closest and
 *   the first thing that does not fit it.
 *
 * @example
 * const { graph, layout } = recognise(file.tensors);
 */
export function recognise(tensors: readonly NamedTensor[], brought?: Graph): RecognisedModel {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const known = brought === undefined ? knownCandidates(byName) : [broughtCandidate(brought)];
  const candidates = known.map((candidate) => ({
    candidate,
    found: candidate.graph.parameters.filter(({ name }) => byName.has(name)).length,
  }));
  candidates.sort((a, b) => b.found - a.found);
  const { candidate, found } = candidates[0]!;
  const { title, graph } = candidate;
  const mismatch = firstMismatch(candidate, byName);
  if (mismatch !== undefined) {
    throw new ProtocolError(
      "unsupported-model",
      `the architecture is not recognised. Closest is ${title}, with ${found} of its ${graph.parameters.length} tensors found, but ${mismatch}`,
    );
  }
  const fileOrder = tensors.map(({ name }) => name);
  return { graph, layout: stateLayout(graph, fileOrder) };
}

type Tensors = ReadonlyMap<string, NamedTensor>;

/** Every family in every naming. */
function knownCandidates(tensors: Tensors): Candidate[] {
  return FAMILIES.flatMap((family) =>
    NAMINGS.map((naming) => candidateOf(family, naming, tensors)),
  );
}

function candidateOf(family: Family, naming: Naming, tensors: Tensors): Candidate {
  const own = family.suggest((name) => tensors.get(nameInFile(naming, name))?.shape);
  return {
    title: family.title,
    graph: graphInFile(own, naming),
    hint: (parameter, shape) => family.hint(own.parameters[parameter]!.name, shape),
  };
}

function broughtCandidate(graph: Graph): Candidate {
  return { title: `the file's own graph (${graph.architecture})`, graph, hint: () => undefined };
}

function firstMismatch({ graph, hint }: Candidate, tensors: Tensors): string | undefined {
  const left = new Map(tensors);
  for (const [index, { name, shape }] of graph.parameters.entries()) {
    const tensor = left.get(name);
    if (tensor === undefined) return missing(name, left);
    if (tensor.shape.length !== shape.length || tensor.shape.some((n, i) => n !== shape[i])) {
      const expected = `tensor '${name}' has shape [${tensor.shape.join(", ")}] where [${shape.join(", ")}] is expected`;
      const why = hint(index, tensor.shape);
      return why === undefined ? expected : `${expected}: ${why}`;
    }
    if (tensor.values !== "floats") {
      return `tensor '${name}' is ${tensor.dtype}: save it as float32, float16 or bfloat16`;
    }
    if (sizeOf(shape) === 0) return `tensor '${name}' is empty`;
    left.delete(name);
  }
  if (graph.classes < CLASSES.least) {
    return `it has ${graph.classes} class: there must be at least ${CLASSES.least}`;
  }
  for (const { name, dtype, values } of left.values()) {
    if (values !== "integers") return `tensor '${name}' (${dtype}) is not one of its tensors`;
  }
  return undefined;
}

function missing(name: string, tensors: Tensors): string {
  const prefixed = [...tensors.keys()].find((other) => other.endsWith(`.${name}`));
  return prefixed === undefined
    ? `tensor '${name}' is missing`
    : `tensor '${name}' is missing; the file has '${prefixed}': remove the prefix '${prefixed.slice(0, -name.length)}' from its names`;
}
