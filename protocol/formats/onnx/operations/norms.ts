import { channelsOf } from "../../../model/operations/operation-shape.ts";
import { isSameDim, whole } from "../layout.ts";
import type { NodeAtHand } from "../node-at-hand.ts";
import { isSameBase } from "../network.ts";
import type { Computed, Moment, Stored, Symbol } from "../symbols.ts";

/** Epsilons are small: what is added to a variance otherwise is no layer norm. */
const LARGEST_EPSILON = 1;

export function batchNorm(at: NodeAtHand): Symbol {
  const { net, fail } = at;
  if (at.number("training_mode", 0) !== 0 || at.node.outputs.filter(Boolean).length > 1) {
    throw fail(
      "it takes its batch's statistics: export the model in evaluation mode (model.eval())",
    );
  }
  const input = net.map(at.computed(0), fail);
  if (input.padding !== undefined) throw fail(`'${input.name}' is padded`);
  const shape = [channelsOf(input.shape)];
  return net.value(
    {
      kind: "batch-norm",
      input: input.id,
      scale: net.parameter(at.parameter(1), "norm-scale", shape, fail),
      shift: net.parameter(at.parameter(2), "norm-shift", shape, fail),
      runningMean: net.parameter(at.parameter(3), "running-mean", shape, fail),
      runningVariance: net.parameter(at.parameter(4), "running-variance", shape, fail),
      epsilon: at.number("epsilon", 1e-5),
      momentum: 1 - at.number("momentum", 0.9),
    },
    at.name,
    fail,
    input.layout,
  );
}

export function layerNorm(at: NodeAtHand): Symbol {
  const { net, fail } = at;
  const input = net.settled(at.computed(0), fail);
  const axis = at.number("axis", -1);
  const last = input.layout.length - 1;
  if ((axis !== -1 && axis !== last) || channelAxis(input) !== last) {
    throw fail("it normalises more than the channels of a position");
  }
  const shape = [channelsOf(input.shape)];
  const bias = at.stored(2);
  return net.value(
    {
      kind: "layer-norm",
      input: input.id,
      scale: net.parameter(at.parameter(1), "norm-scale", shape, fail),
      ...(bias && { shift: net.parameter(bias, "norm-shift", shape, fail) }),
      epsilon: at.number("epsilon", 1e-5),
    },
    at.name,
    fail,
    input.layout,
  );
}

/** The dimension that is all channels and nothing else; −1 where there is none. */
export function channelAxis({ layout, shape }: Computed): number {
  const channels = whole("channel", channelsOf(shape));
  return layout.findIndex((dim) => dim.length > 0 && isSameDim(dim, channels));
}

/** Mean over the channels of every position: the beginning of a layer norm that is written out. */
export function channelMean(at: NodeAtHand, input: Computed, keepsDims: boolean): Symbol {
  if (!keepsDims)
    throw at.fail("it takes the mean over channels, and Scour has that in layer norms only");
  return { kind: "moment", step: "mean", of: at.net.settled(input, at.fail), epsilon: 0 };
}

/**
 * A step of a written-out layer norm, (x − mean)/√(variance + ε); undefined where the operation goes on with
 * something else.
 */
export function momentStep(at: NodeAtHand): Symbol | undefined {
  const [one, other] = at.inputs;
  const first = one?.kind === "moment" ? one : undefined;
  const second = other?.kind === "moment" ? other : undefined;
  if (first === undefined && second === undefined) return undefined;
  switch (at.node.op) {
    case "Sub":
      if (one?.kind === "computed" && second?.step === "mean") {
        const value = at.net.settled(one, at.fail);
        if (isSameBase(value, second.of)) return next(second, "centred");
      }
      break;
    case "Mul":
      if (
        first?.step === "centred" &&
        second?.step === "centred" &&
        isSameBase(first.of, second.of)
      ) {
        return next(first, "squares");
      }
      for (const [a, b] of [
        [first, second],
        [second, first],
      ] as const) {
        if (a?.step === "centred" && b?.step === "reciprocal" && isSameBase(a.of, b.of)) {
          return normalised(at, b);
        }
      }
      break;
    case "Pow":
      if (first?.step === "centred" && at.constant(1)?.values[0] === 2)
        return next(first, "squares");
      break;
    case "ReduceMean":
      if (first?.step === "squares") return next(first, "variance");
      break;
    case "Add": {
      const variance = first ?? second;
      const epsilon = at.constant(first ? 1 : 0)?.values[0];
      if (variance?.step === "variance" && epsilon !== undefined && epsilon < LARGEST_EPSILON) {
        return next(variance, "variance", variance.epsilon + epsilon);
      }
      break;
    }
    case "Sqrt":
      if (first?.step === "variance") return next(first, "deviation");
      break;
    case "Reciprocal":
      if (first?.step === "deviation") return next(first, "reciprocal");
      break;
    case "Div":
      if (
        first?.step === "centred" &&
        second?.step === "deviation" &&
        isSameBase(first.of, second.of)
      ) {
        return normalised(at, second);
      }
      break;
    default:
      break;
  }
  const step = (first ?? second)!;
  throw at.fail(
    `it goes on with the ${step.step} of '${step.of.name}' over its channels otherwise than a layer norm does`,
  );
}

function next(moment: Moment, step: Moment["step"], epsilon = moment.epsilon): Moment {
  return { ...moment, step, epsilon };
}

function normalised(at: NodeAtHand, { epsilon, of }: Moment): Computed {
  return at.net.value({ kind: "layer-norm", input: of.id, epsilon }, at.name, at.fail, of.layout);
}

/** A norm with a factor or a summand a channel put in; undefined where it has one, or is no norm. */
export function withAffine(
  at: NodeAtHand,
  value: Computed,
  stored: Stored,
  part: "scale" | "shift",
): Computed | undefined {
  const norm = at.net.producer(value.id);
  if (value.pending !== undefined || norm === undefined) return undefined;
  if (norm.kind !== "layer-norm" && norm.kind !== "group-norm") return undefined;
  if (norm[part] !== undefined || (part === "scale" && norm.shift !== undefined)) return undefined;
  const shape = [channelsOf(value.shape)];
  const role = part === "scale" ? "norm-scale" : "norm-shift";
  const amended = { ...norm, [part]: at.net.parameter(stored, role, shape, at.fail) };
  return at.net.value(amended, at.name, at.fail, value.layout);
}
