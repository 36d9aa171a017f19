import { zeros, type Tensor } from "./reference-operations.ts";
import { softmax, softmaxBackward } from "./reference-run-norms.ts";

/** Tokens and attention by their definitions; tokens are `[N, T, C]`. */

/** The embedding's tokens before each image's. */
export function prepend(x: Tensor, embedding: Tensor): Tensor {
  const [images, tokens, channels] = x.shape as [number, number, number];
  const before = embedding.values.length / channels;
  const y = zeros([images, before + tokens, channels]);
  const length = tokens * channels;
  for (let image = 0; image < images; image++) {
    const at = image * (before + tokens) * channels;
    y.values.set(embedding.values, at);
    const own = x.values.subarray(image * length, (image + 1) * length);
    y.values.set(own, at + embedding.values.length);
  }
  return y;
}

/** Tokens from one on, as many as there are to be. */
export function cut(x: Tensor, from: number, count: number): Tensor {
  const [images, tokens, channels] = x.shape as [number, number, number];
  const y = zeros([images, count, channels]);
  for (let image = 0; image < images; image++) {
    const start = (image * tokens + from) * channels;
    y.values.set(x.values.subarray(start, start + count * channels), image * count * channels);
  }
  return y;
}

/** Gradient of `cut`. */
export function cutBackward(dy: Tensor, shape: readonly number[], from: number): Tensor {
  const [images, tokens, channels] = shape as [number, number, number];
  const dx = zeros(shape);
  const length = dy.values.length / images;
  for (let image = 0; image < images; image++) {
    const part = dy.values.subarray(image * length, (image + 1) * length);
    dx.values.set(part, (image * tokens + from) * channels);
  }
  return dx;
}

/** x and the embedding, for every image. */
export function addEmbedding(x: Tensor, embedding: Tensor): Tensor {
  const { length } = embedding.values;
  return {
    shape: x.shape,
    values: x.values.map((value, i) => value + embedding.values[i % length]!),
  };
}

/** Σ over images of what the first tokens' gradients are, in the embedding's shape. */
export function embeddingGradient(dy: Tensor, embedding: Tensor): Tensor {
  const gradient = zeros(embedding.shape);
  const perImage = dy.values.length / dy.shape[0]!;
  const { length } = embedding.values;
  dy.values.forEach((d, i) => {
    if (i % perImage < length) gradient.values[i % perImage]! += d;
  });
  return gradient;
}

interface Heads {
  readonly images: number;
  readonly tokens: number;
  readonly heads: number;
  readonly width: number;
  readonly index: (image: number, token: number, head: number, c: number) => number;
}

function headsOf({ shape }: Tensor, heads: number): Heads {
  const [images, tokens, channels] = shape as [number, number, number];
  const width = channels / heads;
  const index: Heads["index"] = (image, token, head, c) =>
    (image * tokens + token) * channels + head * width + c;
  return { images, tokens, heads, width, index };
}

/** `[N, heads, T, T]`: Σ over a head's channels of a[i]·b[j]. */
function ofPairs(a: Tensor, b: Tensor, { images, tokens, heads, width, index }: Heads): Tensor {
  const pairs = zeros([images, heads, tokens, tokens]);
  let at = 0;
  for (let n = 0; n < images; n++) {
    for (let h = 0; h < heads; h++) {
      for (let i = 0; i < tokens; i++) {
        for (let j = 0; j < tokens; j++, at++) {
          for (let c = 0; c < width; c++) {
            pairs.values[at]! += a.values[index(n, i, h, c)]! * b.values[index(n, j, h, c)]!;
          }
        }
      }
    }
  }
  return pairs;
}

/** Σ over j of pairs[i, j]·x[j], or with the pairs changed over. */
function mixed(pairs: Tensor, x: Tensor, of: Heads, turned: boolean): Tensor {
  const { images, tokens, heads, width, index } = of;
  const y = zeros(x.shape);
  let at = 0;
  for (let n = 0; n < images; n++) {
    for (let h = 0; h < heads; h++) {
      for (let i = 0; i < tokens; i++) {
        for (let j = 0; j < tokens; j++, at++) {
          const [to, from] = turned ? [j, i] : [i, j];
          for (let c = 0; c < width; c++) {
            y.values[index(n, to, h, c)]! += pairs.values[at]! * x.values[index(n, from, h, c)]!;
          }
        }
      }
    }
  }
  return y;
}

function scaled(x: Tensor, factor: number): Tensor {
  return { shape: x.shape, values: x.values.map((value) => value * factor) };
}

/** softmax(Q·Kᵀ/√d)·V, each head by itself. */
export function attention(q: Tensor, k: Tensor, v: Tensor, heads: number): Tensor {
  const of = headsOf(q, heads);
  const weights = softmax(scaled(ofPairs(q, k, of), 1 / Math.sqrt(of.width)));
  return mixed(weights, v, of, false);
}

export function attentionBackward(dy: Tensor, q: Tensor, k: Tensor, v: Tensor, heads: number) {
  const of = headsOf(q, heads);
  const factor = 1 / Math.sqrt(of.width);
  const weights = softmax(scaled(ofPairs(q, k, of), factor));
  const dScores = scaled(softmaxBackward(ofPairs(dy, v, of), weights), factor);
  return {
    dq: mixed(dScores, k, of, false),
    dk: mixed(dScores, q, of, true),
    dv: mixed(weights, dy, of, true),
  };
}
