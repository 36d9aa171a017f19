import type { Computed, Stored, Symbol } from "../symbols.ts";
import { isWhole, whole } from "../layout.ts";
import type { NodeAtHand } from "../node-at-hand.ts";
import { channelsOf } from "../../../model/operations/operation-shape.ts";
import { sizeOf } from "../../../model/values.ts";
import { attends } from "./attention.ts";

export function gemm(at: NodeAtHand): Symbol {
  if (at.number("alpha", 1) !== 1 || at.number("beta", 1) !== 1 || at.number("transA", 0) !== 0) {
    throw at.fail("its alpha and beta must be 1 and its transA 0");
  }
  const weight = at.parameter(1);
  const given = { ...weight, isTransposed: (at.number("transB", 0) !== 0) === weight.isTransposed };
  return linear(at, at.computed(0), given, weight.dims, at.stored(2), at.number("transB", 0) !== 0);
}

export function matMul(at: NodeAtHand): Symbol {
  const other = at.input(1);
  if (other.kind !== "stored") return attends(at);
  return linear(
    at,
    at.computed(0),
    { ...other, isTransposed: !other.isTransposed },
    other.dims,
    undefined,
    false,
  );
}

/** @param weight as the operation takes it: `[out, in]` */
function linear(
  at: NodeAtHand,
  value: Computed,
  weight: Stored,
  dims: readonly number[],
  bias: Stored | undefined,
  isOutFirst: boolean,
): Symbol {
  const { net, fail } = at;
  if (dims.length !== 2) {
    throw fail(
      `its weight '${weight.tensor.name}' is [${dims.join(", ")}], and has to have 2 dimensions`,
    );
  }
  const [out, channels] = (isOutFirst ? dims : [dims[1]!, dims[0]!]) as [number, number];
  const settled = net.settled(value, fail);
  const last = settled.layout.at(-1);
  const isOfEach =
    isWhole(last, "channel", channelsOf(settled.shape)) &&
    (settled.shape.length === 1 || sizeOf(settled.shape) > channelsOf(settled.shape));
  const input = isOfEach ? settled : net.features(settled, fail);
  const layout = [...input.layout.slice(0, -1), whole("channel", out)];
  return net.value(
    {
      kind: "linear",
      input: input.id,
      weight: net.parameter(weight, "linear-weight", [out, channels], fail),
      ...(bias && { bias: net.parameter(bias, "linear-bias", [out], fail) }),
    },
    at.name,
    fail,
    layout,
  );
}
