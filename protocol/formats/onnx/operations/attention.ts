import { channelsOf } from "../../../model/operations/operation-shape.ts";
import { sizeOf } from "../../../model/values.ts";
import { isSameDim, isSameLayout, whole, type Dim, type Layout } from "../layout.ts";
import { asConstant, type NodeAtHand } from "../node-at-hand.ts";
import { factorOf } from "../pointwise.ts";
import { symbolName, type Attending, type Computed, type Symbol } from "../symbols.ts";

/**
 * Attention as exporters write it out: softmax(Q·Kᵀ·factor)·V, heads being runs of the channels, wherever the
 * factor stands (before, behind, or its root on both sides).
 */

/** How far a factor may be from 1/√(channels of a head): exporters write it in float32, or its root. */
const FACTOR_TOLERANCE = 1e-5;

/** A value of which only a multiple is taken, and the factor. */
function unscaled(
  at: NodeAtHand,
  value: Computed,
): { readonly value: Computed; readonly factor: number } {
  const { pending, ...bare } = value;
  const factor = pending && factorOf(pending.compute);
  return factor === undefined
    ? { value: at.net.settled(value, at.fail), factor: 1 }
    : { value: bare, factor };
}

/** MatMul of two computed values: Q·Kᵀ, or what it gives times V. */
export function attends(at: NodeAtHand): Symbol {
  const [one, other] = [at.input(0), at.input(1)];
  if (other.kind === "computed" && one.kind === "attending") return attended(at, one, other);
  if (one.kind !== "computed" || other.kind !== "computed") {
    throw at.fail(
      `it multiplies ${symbolName(one)} by ${symbolName(other)}, and Scour multiplies by weights, and in attention`,
    );
  }
  const [query, key] = [unscaled(at, one), unscaled(at, other)];
  const factor = query.factor * key.factor;
  return { kind: "attending", step: "scores", query: query.value, key: key.value, factor };
}

/** Scores times or divided by a number; undefined where the operation is about something else. */
export function scaledScores(at: NodeAtHand): Symbol | undefined {
  const [one, other] = at.inputs;
  const scores = one?.kind === "attending" ? one : other?.kind === "attending" ? other : undefined;
  if (scores === undefined) return undefined;
  const number = asConstant((scores === one ? other : one) ?? scores)?.values;
  if (number?.length === 1 && scores.step === "scores") {
    if (at.node.op === "Mul") return { ...scores, factor: scores.factor * number[0]! };
    if (at.node.op === "Div" && scores === one)
      return { ...scores, factor: scores.factor / number[0]! };
  }
  throw at.fail(
    "it changes the scores of attention otherwise than by a factor: masks and position biases are not taken",
  );
}

/** Softmax of scores. */
export function weighted(at: NodeAtHand, scores: Attending): Symbol {
  const rank = scores.query.layout.length;
  const axis = at.number("axis", at.opset < 13 ? 1 : -1);
  if (scores.step !== "scores" || (axis !== -1 && axis !== rank - 1)) {
    throw at.fail("it weighs the scores of attention along another axis than the last");
  }
  return { ...scores, step: "weights" };
}

function attended(
  at: NodeAtHand,
  { factor, key, query, step }: Attending,
  given: Computed,
): Symbol {
  const { net, fail } = at;
  const value = net.settled(given, fail);
  const rank = query.layout.length;
  const channels = channelsOf(query.shape);
  const inner = query.layout.at(-1)!;
  const [run] = inner;
  const heads = run === undefined || inner.length !== 1 ? 0 : channels / run.size;
  const size = channels / heads;
  const positions = whole("position", sizeOf(query.shape) / channels);
  const isHead = heads >= 1 && isSameDim(inner, whole("channel", size));
  const before: Layout = query.layout.slice(0, -2);
  const expected: Dim = [
    ...whole("batch", net.batch),
    ...(heads > 1 ? [{ axis: "channel", size: heads, stride: size } as const] : []),
  ];
  const isQuery =
    isHead && isSameDim(before.flat(), expected) && isSameDim(query.layout[rank - 2]!, positions);
  const turned = [...before, inner, positions];
  if (
    step !== "weights" ||
    !isQuery ||
    !isSameLayout(key.layout, turned) ||
    !isSameLayout(value.layout, query.layout)
  ) {
    throw fail(
      "queries, keys and values are not heads of one run of channels each: Scour has no other attention",
    );
  }
  if (Math.abs(factor * Math.sqrt(size) - 1) > FACTOR_TOLERANCE) {
    throw fail(`its scores are multiplied by ${factor}, and Scour's attention takes 1/√${size}`);
  }
  const inputs = [query, key, value].map((one) => net.tokens(one, fail).id);
  const [q, k, v] = inputs as [string, string, string];
  return net.value({ kind: "attention", inputs: [q, k, v], heads }, at.name, fail, query.layout);
}
