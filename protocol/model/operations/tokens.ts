import { sizeOf, type ValueId } from "../values.ts";
import { channelsOf, isCount, isExtent, isSame, spatial, tokens } from "./operation-shape.ts";
import type { OperationShape } from "./operation-shape.ts";

/** A map's positions as tokens, row by row: `[H, W, C]` → `[H·W, C]`. */
export interface ToTokensOperation {
  readonly kind: "to-tokens";
  readonly input: ValueId;
  readonly output: ValueId;
}

/** A parameter put before the tokens (a class token): `[T, C]` → `[n + T, C]`. */
export interface PrependTokensOperation {
  readonly kind: "prepend-tokens";
  readonly input: ValueId;
  readonly output: ValueId;
  /** Parameter of `n·C` values, channels last, ones before: `[1, 1, C]`. */
  readonly embedding: string;
}

/** A parameter added to the tokens of every image (where they are). */
export interface AddEmbeddingOperation {
  readonly kind: "add-embedding";
  readonly input: ValueId;
  readonly output: ValueId;
  /** Parameter of `T·C` values, channels last, ones before: `[1, T, C]`. */
  readonly embedding: string;
}

/** Tokens `from` to before `to`. */
export interface SliceTokensOperation {
  readonly kind: "slice-tokens";
  readonly input: ValueId;
  readonly output: ValueId;
  readonly from: number;
  readonly to: number;
}

/** One token as features: `[T, C]` → `[C]`. */
export interface TakeTokenOperation {
  readonly kind: "take-token";
  readonly input: ValueId;
  readonly output: ValueId;
  readonly index: number;
}

/**
 * softmax(Q·Kᵀ/√(C/heads))·V, each of `heads` runs of channels by itself. No parameters: what makes
 * Q, K, V and what follows are linear layers.
 */
export interface AttentionOperation {
  readonly kind: "attention";
  /** Tokens, one shape. */
  readonly inputs: readonly [query: ValueId, key: ValueId, value: ValueId];
  readonly output: ValueId;
  readonly heads: number;
}

export const toTokensShape: OperationShape<ToTokensOperation> = {
  parameters: () => [],
  output(_operation, [input], _parameters, fail) {
    const [height, width, channels] = spatial(input!, fail);
    return [height * width, channels];
  },
};

export const prependTokensShape: OperationShape<PrependTokensOperation> = {
  parameters: ({ embedding }) => [{ name: embedding, role: "embedding", rank: undefined }],
  output({ embedding }, [input], [shape], fail) {
    const [count, channels] = tokens(input!, fail);
    if (shape!.at(-1) !== channels) {
      throw fail(`'${embedding}' is [${shape!.join(", ")}], the tokens have ${channels} channels`);
    }
    return [count + sizeOf(shape!) / channels, channels];
  },
};

export const addEmbeddingShape: OperationShape<AddEmbeddingOperation> = {
  parameters: ({ embedding }) => [{ name: embedding, role: "embedding", rank: undefined }],
  output({ embedding }, [input], [shape], fail) {
    const [count, channels] = tokens(input!, fail);
    if (sizeOf(shape!) !== count * channels || shape!.at(-1) !== channels) {
      throw fail(
        `'${embedding}' is [${shape!.join(", ")}], the tokens are [${count}, ${channels}]`,
      );
    }
    return input!;
  },
};

export const sliceTokensShape: OperationShape<SliceTokensOperation> = {
  parameters: () => [],
  output({ from, to }, [input], _parameters, fail) {
    const [count, channels] = tokens(input!, fail);
    if (!isCount(from) || !isExtent(to - from) || to > count) {
      throw fail(`takes the tokens ${from} to ${to} of ${count}`);
    }
    return [to - from, channels];
  },
};

export const takeTokenShape: OperationShape<TakeTokenOperation> = {
  parameters: () => [],
  output({ index }, [input], _parameters, fail) {
    const [count] = tokens(input!, fail);
    if (!isCount(index) || index >= count) throw fail(`takes token ${index} of ${count}`);
    return [channelsOf(input!)];
  },
};

export const attentionShape: OperationShape<AttentionOperation> = {
  parameters: () => [],
  output({ heads }, [query, key, value], _parameters, fail) {
    const [, channels] = tokens(query!, fail);
    if (!isSame(query!, key!) || !isSame(query!, value!)) {
      throw fail(
        `reads queries [${query!.join(", ")}], keys [${key!.join(", ")}] and values [${value!.join(", ")}]`,
      );
    }
    if (!isExtent(heads) || channels % heads !== 0) {
      throw fail(`${heads} heads do not divide ${channels} channels`);
    }
    return query!;
  },
};
