import { ProtocolError } from "../errors.ts";
import { closestDrawing, type Candidate } from "./closest-drawing.ts";
import type { Tensors } from "./drawing.ts";
import { firstMismatch } from "./compare-tensors.ts";
import type { Graph, GraphOfSize } from "./graph.ts";
import { headFault } from "./head-in-file.ts";
import { inferShapes } from "./infer-shapes.ts";
import { AS_ONNX, lookAlike } from "./look-alikes.ts";
import type { NamedTensor } from "./named-tensor.ts";
import type { NetworkQuestion, NetworkSettings } from "./network-settings.ts";
import { OWN_SIZE, type PreprocessingDefaults } from "./preprocessing-defaults.ts";
import { stateLayout, type StateLayout } from "./state-layout.ts";

export interface RecognisedModel {
  /** Its parameters have the file's names. */
  readonly graph: Graph;
  readonly layout: StateLayout;
  /** The family and whose files are so, for people. */
  readonly form: string;
  /** What tensors do not tell, answered: with it the same file gives the same graph. */
  readonly network: NetworkSettings;
  /** The questions to which nobody gave an answer: what is usual was taken. */
  readonly assumed: readonly NetworkQuestion[];
  /** Other answers, to one question each, that the same tensors may need (`otherReadings`). */
  readonly others: readonly NetworkSettings[];
  /** How it is trained to see pictures, as a rule. */
  readonly preprocessing: PreprocessingDefaults;
  /** Whether files of its form are known to be trained with different means and stds: none is usual. */
  readonly asksPixels: boolean;
}

/**
 * Recognises the architecture from a file's tensors, by names, shapes and whether they hold floats
 * (SPEC G2), and lays out its state vector (S1). Integer tensors the architecture does not know, and
 * counters of steps such as `num_batches_tracked`, are left aside.
 *
 * @param tensors in the file's order
 * @param given answers to what tensors do not tell (SPEC G4)
 * @param brought the graph, where the file brings its own: then it is what tensors are compared with
 * @throws ProtocolError `unsupported-model` that says what the file seems to hold, which known
 *   architecture comes closest and the first thing that does not fit it; `malformed-request` for an
 *   answer that is missing or that the architecture cannot take.
 *
 * @example
 * const { graph, layout } = recognise(file.tensors, { size: 64 });
 */
export function recognise(
  tensors: readonly NamedTensor[],
  given: NetworkSettings = {},
  brought?: Graph | GraphOfSize,
): RecognisedModel {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const seems = lookAlike(byName);
  const said = seems === undefined ? "" : `${seems}. `;
  // What is told of one that it seems to be says the next step itself.
  const next = seems === undefined ? `. ${AS_ONNX}` : "";
  const candidate =
    brought === undefined ? closestDrawing(byName, given) : itsOwn(brought, given, byName);
  if (candidate === undefined) {
    const names = tensors.slice(0, 3).map(({ name }) => `'${name}'`);
    throw unsupported(
      `${said}The architecture is not recognised: ${names.length === 0 ? "the file has no tensors" : `none that is known has tensors such as ${names.join(", ")}`}. docs/MODELS.md lists what is known${next}`,
    );
  }
  const { drawn, partial, title, used } = candidate;
  const { asksPixels, assumed, graph, network, others, problem, seen } = drawn;
  const mismatch = headFault(graph, used) ?? firstMismatch(graph, used);
  if (mismatch !== undefined) {
    const found = graph.parameters.filter(({ name }) => byName.has(name)).length;
    const isWhole = found === graph.parameters.length;
    const usual = brought === undefined ? next : "";
    const advice = partial !== undefined && isWhole ? `: ${partial}` : usual;
    throw unsupported(
      `${said}The architecture is not recognised. Closest is ${title}, with ${found} of its ${graph.parameters.length} tensors found, but ${seen === undefined ? "" : `${seen}; `}${mismatch}${advice}`,
    );
  }
  if (partial !== undefined) throw unsupported(`${title}: ${partial}`);
  if (problem !== undefined) {
    throw new ProtocolError(problem.code, `${title}: ${problem.message}`, problem.extensions);
  }
  inferShapes(graph);
  const fileOrder = tensors.map(({ name }) => name);
  const { form } = candidate;
  const layout = stateLayout(graph, fileOrder);
  const { preprocessing } = drawn;
  return { graph, layout, form, network, assumed, others, preprocessing, asksPixels };
}

/**
 * The network that tensors are, whether or not all that they do not tell is answered; undefined where they
 * are none that is known, or none without some of them.
 */
export function networkOf(
  tensors: readonly NamedTensor[],
  given: NetworkSettings,
): Graph | undefined {
  const candidate = closestDrawing(new Map(tensors.map((one) => [one.name, one])), given);
  if (candidate === undefined) return undefined;
  const { drawn, partial, used } = candidate;
  if (partial !== undefined || drawn.problem?.code === "unsupported-model") return undefined;
  const fault = headFault(drawn.graph, used) ?? firstMismatch(drawn.graph, used);
  return fault === undefined ? drawn.graph : undefined;
}

/** A graph that the file brings: all questions are answered, but what is said again must be so. */
function itsOwn(brought: Graph | GraphOfSize, given: NetworkSettings, used: Tensors): Candidate {
  if (typeof brought === "function") return ofSize(brought, given, used);
  const graph = brought;
  const { height: size } = graph.inputShape;
  const contradicted = (Object.keys(given) as NetworkQuestion[]).find(
    (key) => given[key] !== undefined && (key !== "size" || given.size !== size),
  );
  const problem =
    contradicted === undefined
      ? undefined
      : new ProtocolError(
          "malformed-request",
          `network.${contradicted} is told by the file's graph${contradicted === "size" ? `, which takes images of ${size} pixels` : ""}: leave it out`,
        );
  return {
    form: "the file's own graph",
    used,
    title: `the file's own graph (${graph.architecture})`,
    drawn: {
      graph,
      network: {},
      assumed: [],
      others: [],
      seen: undefined,
      preprocessing: OWN_SIZE,
      asksPixels: false,
      problem,
    },
  };
}

/** A graph that the file brings for images of any size. */
function ofSize(brought: GraphOfSize, given: NetworkSettings, used: Tensors): Candidate {
  if (given.size === undefined) {
    throw new ProtocolError(
      "malformed-request",
      "the file's graph takes images of any size: say the side of those that it was trained with, in pixels, with the setting network.size",
    );
  }
  const { size, ...others } = given;
  const candidate = itsOwn(brought(size), others, used);
  return { ...candidate, drawn: { ...candidate.drawn, network: { size } } };
}

function unsupported(detail: string): ProtocolError {
  return new ProtocolError("unsupported-model", detail);
}
