import type { Drawing } from "../drawing.ts";
import type { Drawn } from "../drawn.ts";
import type { Activation, ValueId } from "../graph.ts";
import type { SeenOtherwise } from "../preprocessing-defaults.ts";
import type { Family, Form } from "./family.ts";

/** Channels of a head in every model of the paper. */
const USUAL_HEAD = 64;

/** Widths of the paper's and DeiT's models. */
const MEMBERS = new Map([
  [192, "vit_tiny"],
  [384, "vit_small"],
  [768, "vit_base"],
  [1024, "vit_large"],
]);

/** What forms do otherwise. */
interface Dialect {
  readonly seen: SeenOtherwise;
  readonly epsilon: number;
  /** One layer for queries, keys and values, or one each. */
  readonly joins: boolean;
}

/**
 * Vision transformers (Dosovitskiy et al., ICLR 2021) under timm's names: a class token before the
 * patches, norms before attention and MLP, a last norm. Images' and patches' size follow from the
 * position embeddings and the patch convolution.
 */
function drawVit(net: Drawing, { epsilon, joins, seen }: Dialect): Drawn {
  const patchShape = net.told("patch_embed.proj.weight");
  const patch = patchShape?.[2] ?? 16;
  const channels = patchShape?.[0] ?? 192;
  const tokens = net.told("pos_embed")?.[1] ?? 197;
  const side = patch * Math.floor(Math.sqrt(Math.max(tokens - 1, 1)));
  const image = net.image("patch_embed.proj", { told: side }, seen);
  net.norms({ epsilon });
  const activation = net.ask("activation", {
    asks: "which GELU it has",
    choices: ["gelu", "gelu-tanh"],
    usual: "gelu",
  });
  const heads = net.ask("heads", {
    asks: "into how many heads attention is divided",
    choices: headCounts(channels),
    tried: headCounts(channels).filter((count) => count <= MOST_TRIED),
    ...(channels % USUAL_HEAD === 0 && MEMBERS.has(channels) && { usual: channels / USUAL_HEAD }),
  });
  const patches = { kernel: patch, stride: patch, padding: 0, bias: true };
  let value = net.toTokens(net.conv(image, "patch_embed.proj", patches), "patches");
  value = net.addEmbedding(net.prependToken(value, "cls_token"), "pos_embed");
  const blocks = net.count((i) => `blocks.${i}.norm1.weight`);
  for (let index = 0; index < blocks; index++) {
    value = block(net, value, `blocks.${index}`, { activation, heads, joins });
  }
  if (net.has("fc_norm.weight")) {
    // timm's models that take the mean of the patches in place of the class token.
    value = net.globalPool(net.sliceTokens(value, 1, "patches_out"));
    value = net.layerNorm(value, "fc_norm");
  } else {
    value = net.takeToken(net.layerNorm(value, "norm"), 0, "class");
  }
  const name = MEMBERS.get(channels) ?? "vit";
  return net.finish(`${name}_patch${patch}`, net.linear(value, "head", { output: "logits" }));
}

/** Most heads that are offered, and that are tried on images. */
const MOST_HEADS = 64;
const MOST_TRIED = 16;

/** The counts that divide the channels. */
function headCounts(channels: number): number[] {
  return Array.from({ length: MOST_HEADS }, (_, i) => i + 1).filter(
    (heads) => channels % heads === 0,
  );
}

function block(
  net: Drawing,
  input: ValueId,
  name: string,
  {
    activation,
    heads,
    joins,
  }: { readonly activation: Activation; readonly heads: number; readonly joins: boolean },
): ValueId {
  const channels = net.channels(input);
  const normed = net.layerNorm(input, `${name}.norm1`);
  let parts: ValueId[];
  if (joins) {
    const qkv = net.linear(normed, `${name}.attn.qkv`, {
      weight: `${name}.attn.qkv.weight`,
      ...(!net.has(`${name}.attn.qkv.bias`) && { bias: false as const }),
    });
    parts = ["q", "k", "v"].map((part, i) =>
      net.sliceChannels(qkv, i * channels, (i + 1) * channels, `${name}.attn.${part}`),
    );
  } else {
    parts = ["query", "key", "value"].map((part) => {
      const layer = `${name}.attn.${part}`;
      return net.linear(normed, layer, net.has(`${layer}.bias`) ? {} : { bias: false });
    });
  }
  let value = net.attention(parts[0]!, parts[1]!, parts[2]!, heads, `${name}.attn`);
  value = net.linear(value, `${name}.attn.proj`);
  const between = net.add(value, input, `${name}.sum1`);
  value = net.linear(net.layerNorm(between, `${name}.norm2`), `${name}.mlp.fc1`);
  value = net.activation(value, activation, `${name}.mlp.act`);
  return net.add(net.linear(value, `${name}.mlp.fc2`), between, `${name}.sum2`);
}

// Timm has files with mean and std of .5, and DeiT's with ImageNet's, under the same names.
const TIMM: Dialect = {
  seen: { pixels: "asked", interpolation: "bicubic", crop: 0.9 },
  epsilon: 1e-6,
  joins: true,
};
const TORCHVISION: Dialect = { seen: {}, epsilon: 1e-6, joins: true };
const HUGGING_FACE: Dialect = {
  seen: { pixels: "asked", resize: "squash", crop: 1 },
  epsilon: 1e-12,
  joins: false,
};

function form(origin: string, dialect: Dialect, rewrites: Form["rewrites"]): Form {
  return {
    origin,
    rewrites,
    marks: [
      "patch_embed.proj.weight",
      "cls_token",
      "pos_embed",
      "blocks.0.norm1.weight",
      "blocks.0.mlp.fc2.weight",
      "blocks.1.attn.proj.weight",
      "head.weight",
    ],
    draw: (net) => drawVit(net, dialect),
  };
}

export const vitFamily: Family = {
  title: "ViT",
  members: ["ViT-Ti, -S, -B, -L and DeiT, of any depth and patch"],
  forms: [
    form("timm", TIMM, []),
    form("torchvision", TORCHVISION, [
      [/^patch_embed\.proj\./, "conv_proj."],
      [/^cls_token$/, "class_token"],
      [/^pos_embed$/, "encoder.pos_embedding"],
      [/^blocks\.(\d+)\./, "encoder.layers.encoder_layer_$1."],
      [/\.norm([12])\./, ".ln_$1."],
      [/\.attn\.qkv\.(weight|bias)$/, ".self_attention.in_proj_$1"],
      [/\.attn\.proj\./, ".self_attention.out_proj."],
      [/\.mlp\.fc1\./, ".mlp.0."],
      [/\.mlp\.fc2\./, ".mlp.3."],
      [/^norm\./, "encoder.ln."],
      [/^head\./, "heads.head."],
    ]),
    form("torchvision's first files", TORCHVISION, [
      [/^patch_embed\.proj\./, "conv_proj."],
      [/^cls_token$/, "class_token"],
      [/^pos_embed$/, "encoder.pos_embedding"],
      [/^blocks\.(\d+)\./, "encoder.layers.encoder_layer_$1."],
      [/\.norm([12])\./, ".ln_$1."],
      [/\.attn\.qkv\.(weight|bias)$/, ".self_attention.in_proj_$1"],
      [/\.attn\.proj\./, ".self_attention.out_proj."],
      [/\.mlp\.fc(\d)\./, ".mlp.linear_$1."],
      [/^norm\./, "encoder.ln."],
      [/^head\./, "heads.head."],
    ]),
    form("Hugging Face", HUGGING_FACE, [
      [/^patch_embed\.proj\./, "vit.embeddings.patch_embeddings.projection."],
      [/^cls_token$/, "vit.embeddings.cls_token"],
      [/^pos_embed$/, "vit.embeddings.position_embeddings"],
      [/^blocks\.(\d+)\./, "vit.encoder.layer.$1."],
      [/\.norm1\./, ".layernorm_before."],
      [/\.norm2\./, ".layernorm_after."],
      [/\.attn\.(query|key|value)\./, ".attention.attention.$1."],
      [/\.attn\.proj\./, ".attention.output.dense."],
      [/\.mlp\.fc1\./, ".intermediate.dense."],
      [/\.mlp\.fc2\./, ".output.dense."],
      [/^norm\./, "vit.layernorm."],
      [/^head\./, "classifier."],
    ]),
  ],
};
