import { isAside } from "./compare-tensors.ts";
import type { Tensors } from "./drawing.ts";
import type { Graph } from "./graph.ts";

/**
 * What a file calls the layer that gives the logits, where that is not the name in the graph: whoever puts
 * a head of their own on a network names it as they like (`fc.1`, `classifier.1`, `head.fc`). It is the one
 * linear layer of the file that the graph does not know.
 *
 * @returns the file's name of a tensor by the graph's; undefined where the head is there under its name,
 *   or no layer can be told to be it.
 *
 * @example
 * headInFile(graph, tensors)?.("fc.weight"); // "fc.1.weight"
 */
export function headInFile(graph: Graph, tensors: Tensors): ((name: string) => string) | undefined {
  const missing = missingHead(graph, tensors);
  if (missing === undefined) return undefined;
  const { head, others } = missing;
  const [only] = others;
  if (only === undefined || others.length > 1 || !only.name.endsWith(".weight")) return undefined;
  const bias = `${only.name.slice(0, -".weight".length)}.bias`;
  return (name) => {
    if (name === head.weight) return only.name;
    return name === head.bias ? bias : name;
  };
}

/**
 * What is wrong with a file's head, for people; undefined where the head is there, or is of a kind that is
 * told otherwise.
 */
export function headFault(graph: Graph, tensors: Tensors): string | undefined {
  const missing = missingHead(graph, tensors);
  if (missing === undefined) return undefined;
  const { head, others } = missing;
  if (others.length === 0) {
    return `it ends before the layer that gives the classes ('${head.weight}' elsewhere): Scour cleanses whole classifiers, bring the network with its head`;
  }
  const names = others.slice(0, MOST_LISTED).map(({ name }) => `'${name}'`);
  const more = others.length > names.length ? " and more" : "";
  return others.length === 1
    ? undefined
    : `in place of the one linear layer '${head.weight}' it has several (${names.join(", ")}${more}), and what stands between them no name tells`;
}

const MOST_LISTED = 4;

/** The head that the graph has and the file has not, and what the file has of linear layers instead. */
function missingHead(graph: Graph, tensors: Tensors) {
  const head = graph.operations.find(({ output }) => output === graph.output);
  if (head?.kind === "flatten") return missingConvolution(graph, tensors, head.input);
  if (head?.kind !== "linear" || tensors.has(head.weight)) return undefined;
  const known = new Set(graph.parameters.map(({ name }) => name));
  const others = [...tensors.values()].filter(
    (tensor) => tensor.shape.length === 2 && !known.has(tensor.name) && !isAside(tensor),
  );
  return { head, others };
}

/** A head that is a convolution of what was pooled: one of another name nobody could tell from a layer. */
function missingConvolution({ operations }: Graph, tensors: Tensors, input: string) {
  const head = operations.find(({ output }) => output === input);
  if (head?.kind !== "conv2d" || tensors.has(head.weight)) return undefined;
  return { head, others: [] };
}
