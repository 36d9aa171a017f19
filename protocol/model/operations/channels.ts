import type { ValueId, ValueShape } from "../values.ts";
import {
  channelsOf,
  isCount,
  isExtent,
  isSame,
  spatial,
  withChannels,
  type OperationShape,
} from "./operation-shape.ts";

/** Values behind each other: their channels, or their tokens. */
export interface ConcatOperation {
  readonly kind: "concat";
  readonly axis: "channels" | "tokens";
  readonly inputs: readonly ValueId[];
  readonly output: ValueId;
}

/** Channels `from` to before `to`. */
export interface SliceChannelsOperation {
  readonly kind: "slice-channels";
  readonly input: ValueId;
  readonly output: ValueId;
  readonly from: number;
  readonly to: number;
}

/** Channels of zeros before and after (the shortcut of ResNet's option A). */
export interface PadChannelsOperation {
  readonly kind: "pad-channels";
  readonly input: ValueId;
  readonly output: ValueId;
  readonly before: number;
  readonly after: number;
}

/** Channels `[groups, C/groups]` → `[C/groups, groups]` (ShuffleNet). */
export interface ShuffleChannelsOperation {
  readonly kind: "shuffle-channels";
  readonly input: ValueId;
  readonly output: ValueId;
  readonly groups: number;
}

/** A map as features `[H·W·C]`. Files that store maps channels-first number their channels first. */
export interface FlattenOperation {
  readonly kind: "flatten";
  readonly input: ValueId;
  readonly output: ValueId;
  readonly order: "channels-first" | "channels-last";
}

export const concatShape: OperationShape<ConcatOperation> = {
  parameters: () => [],
  output({ axis }, inputs, _parameters, fail) {
    const [first, ...others] = inputs;
    if (first === undefined) throw fail("joins no values");
    if (axis === "tokens" && first.length !== 2) {
      throw fail(`reads [${first.join(", ")}], it needs tokens`);
    }
    for (const other of others) {
      const alike =
        axis === "channels" ? withChannels(other, channelsOf(first)) : withTokens(other, first[0]);
      if (!isSame(alike, first)) {
        throw fail(`joins the ${axis} of [${first.join(", ")}] and [${other.join(", ")}]`);
      }
    }
    const total = (extent: (shape: ValueShape) => number): number =>
      inputs.reduce((sum, shape) => sum + extent(shape), 0);
    return axis === "channels"
      ? withChannels(first, total(channelsOf))
      : [total((shape) => shape[0]), channelsOf(first)];
  },
};

export const sliceChannelsShape: OperationShape<SliceChannelsOperation> = {
  parameters: () => [],
  output({ from, to }, [input], _parameters, fail) {
    const channels = channelsOf(input!);
    if (!isCount(from) || !isExtent(to - from) || to > channels) {
      throw fail(`takes the channels ${from} to ${to} of ${channels}`);
    }
    return withChannels(input!, to - from);
  },
};

export const padChannelsShape: OperationShape<PadChannelsOperation> = {
  parameters: () => [],
  output({ before, after }, [input], _parameters, fail) {
    if (!isCount(before) || !isCount(after)) {
      throw fail(`puts ${before} channels before and ${after} after`);
    }
    return withChannels(input!, before + channelsOf(input!) + after);
  },
};

export const shuffleChannelsShape: OperationShape<ShuffleChannelsOperation> = {
  parameters: () => [],
  output({ groups }, [input], _parameters, fail) {
    const channels = channelsOf(input!);
    if (!isExtent(groups) || channels % groups !== 0) {
      throw fail(`${groups} groups do not divide ${channels} channels`);
    }
    return input!;
  },
};

export const flattenShape: OperationShape<FlattenOperation> = {
  parameters: () => [],
  output(_operation, [input], _parameters, fail) {
    const [height, width, channels] = spatial(input!, fail);
    return [height * width * channels];
  },
};

/** Tokens in another number; what are none stay as they are. */
function withTokens(shape: ValueShape, count: number): ValueShape {
  return shape.length === 2 ? [count, shape[1]] : shape;
}
