import { ProtocolError } from "../errors.ts";
import { isFloatDtype, isIntegerDtype } from "../formats/safetensors/dtype.ts";
import type { TensorInfo } from "../formats/safetensors/header.ts";
import { resnet18 } from "./architectures/resnet18.ts";
import type { Graph } from "./graph.ts";
import { stateLayout, type StateLayout } from "./state-layout.ts";

export interface RecognisedModel {
  readonly graph: Graph;
  readonly layout: StateLayout;
}

/** A family of architectures that differ only in sizes which tensor shapes tell. */
interface Family {
  readonly title: string;
  /** The member these tensors suggest; sizes they do not tell are taken as given here. */
  suggest(shapes: ReadonlyMap<string, readonly number[]>): Graph;
  /** What to say of a shape that is typical for a look-alike from elsewhere. */
  hint(name: string, shape: readonly number[]): string | undefined;
}

const FAMILIES: readonly Family[] = [
  {
    title: "ResNet-18 for 32×32 images (3×3 stem, no max-pool; conv1, bn1, layer1–4, fc)",
    suggest: (shapes) =>
      resnet18({
        width: shapes.get("conv1.weight")?.[0] ?? 64,
        classes: shapes.get("fc.weight")?.[0] ?? 10,
      }),
    hint: (name, shape) =>
      name === "conv1.weight" && shape[2] === 7
        ? "a 7×7 stem is the form for ImageNet, which Scour does not cleanse yet"
        : undefined,
  },
];

/**
 * Recognises the architecture from a file's tensor names, shapes and dtypes alone, and lays out its
 * state vector (SPEC G2, S1). Integer tensors the architecture does not know, such as
 * `num_batches_tracked`, are left aside.
 *
 * @throws ProtocolError `unsupported-model` that says which known architecture comes closest and
 *   the first thing that does not fit it.
 *
 * @example
 * const { graph, layout } = recognise(parseHeader(bytes, total).tensors);
 */
export function recognise(tensors: readonly TensorInfo[]): RecognisedModel {
  const shapes = new Map(tensors.map(({ name, shape }) => [name, shape]));
  const candidates = FAMILIES.map((family) => {
    const graph = family.suggest(shapes);
    const found = graph.parameters.filter(({ name }) => shapes.has(name)).length;
    return { family, graph, found };
  });
  candidates.sort((a, b) => b.found - a.found);
  const { family, graph, found } = candidates[0]!;
  const mismatch = firstMismatch(family, graph, tensors);
  if (mismatch !== undefined) {
    throw new ProtocolError(
      "unsupported-model",
      `the architecture is not recognised. Closest is ${family.title}, with ${found} of its ${graph.parameters.length} tensors found, but ${mismatch}`,
    );
  }
  const fileOrder = tensors.map(({ name }) => name);
  return { graph, layout: stateLayout(graph, fileOrder) };
}

function firstMismatch(
  family: Family,
  graph: Graph,
  tensors: readonly TensorInfo[],
): string | undefined {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  for (const { name, shape } of graph.parameters) {
    const tensor = byName.get(name);
    if (tensor === undefined) return missing(name, byName);
    if (tensor.shape.length !== shape.length || tensor.shape.some((n, i) => n !== shape[i])) {
      const hint = family.hint(name, tensor.shape);
      const expected = `tensor '${name}' has shape [${tensor.shape.join(", ")}] where [${shape.join(", ")}] is expected`;
      return hint === undefined ? expected : `${expected}: ${hint}`;
    }
    if (!isFloatDtype(tensor.dtype)) {
      return `tensor '${name}' is ${tensor.dtype}: save it as F32, F16 or BF16`;
    }
    if (tensor.begin === tensor.end) return `tensor '${name}' is empty`;
    byName.delete(name);
  }
  if (graph.classes < 2) return `it has ${graph.classes} class: there must be at least 2`;
  for (const { name, dtype } of byName.values()) {
    if (!isIntegerDtype(dtype)) return `tensor '${name}' (${dtype}) is not one of its tensors`;
  }
  return undefined;
}

function missing(name: string, byName: ReadonlyMap<string, TensorInfo>): string {
  const prefixed = [...byName.keys()].find((other) => other.endsWith(`.${name}`));
  return prefixed === undefined
    ? `tensor '${name}' is missing`
    : `tensor '${name}' is missing; the file has '${prefixed}': remove the prefix '${prefixed.slice(0, -name.length)}' from its names`;
}
