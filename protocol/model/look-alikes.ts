import type { Tensors } from "./drawing.ts";
import type { NamedTensor } from "./named-tensor.ts";

/** What to do with a classifier whose names and shapes tell nothing. */
export const AS_ONNX =
  "An ONNX file tells its layers itself: torch.onnx.export(model.eval(), image, FILE) writes one of any architecture whose operations are known";

/** Classifiers that people have and no family draws, by names of theirs that no other has. */
const UNDRAWN: readonly (readonly [is: string, name: RegExp])[] = [
  ["an SE-ResNet", /^(.*\.)?(layer|stage)\d\.\d+\.(squeeze|excitation|se|se_module|fc1)\./],
  ["a GoogLeNet", /(^|\.)(inception\d[a-e]|prelayer|pre_layers)\./],
  ["an Inception network", /(^|\.)(Conv2d_1a_3x3|Mixed_\d[a-z]|mixed_\d[a-z])\./],
  ["a ShuffleNet", /(^|\.)(stage\d\.\d+\.branch[12]|gconv1|channel_shuffle)\./],
  ["a SqueezeNet", /(^|\.)(features\.\d+\.(squeeze|expand[13]x[13])|fire\d+)\./],
  ["an Xception", /(^|\.)(entry_flow|middle_flow|block\d+\.rep)\./],
  ["a RegNet", /(^|\.)(trunk_output\.block\d|s\d\.b\d+\.conv\d)\./],
  ["an MNASNet", /(^|\.)layers\.\d+\.\d+\.layers\./],
  ["a Swin transformer", /relative_position_bias_table$/],
  ["a residual attention network", /(^|\.)attention_stages\./],
  ["a NASNet", /(^|\.)(cell_\d+|cell_stem_\d)\./],
  ["an MLP-Mixer", /(^|\.)mlp_(tokens|channels)\./],
];

/** Models that Scour cannot cleanse as they are, by what some tensor of theirs looks like. */
const KINDS: readonly {
  readonly is: string;
  readonly advice: string;
  shows(tensor: NamedTensor): boolean;
}[] = [
  {
    is: "a network whose weights are computed of others (torch.nn.utils.parametrizations)",
    advice:
      'make them plain with torch.nn.utils.parametrize.remove_parametrizations(layer, "weight") for each such layer, and save the state dict again',
    shows: ({ name }) => /(^|\.)parametrizations\.\w+\.(original\d*|\d+\.)/.test(name),
  },
  {
    is: "a network under weight_norm",
    advice:
      "make its weights plain with torch.nn.utils.remove_weight_norm(layer) for each such layer, and save the state dict again",
    shows: ({ name }) => name.endsWith(".weight_g"),
  },
  {
    is: "a network under spectral_norm",
    advice:
      "make its weights plain with torch.nn.utils.remove_spectral_norm(layer) for each such layer, and save the state dict again",
    shows: ({ name }) => name.endsWith(".weight_u"),
  },
  {
    is: "a pruned network, with a mask beside each weight",
    advice:
      'make its weights plain with torch.nn.utils.prune.remove(layer, "weight") for each such layer, and save the state dict again',
    shows: ({ name }) => name.endsWith(".weight_mask"),
  },
  {
    is: "a quantised model, whose weights are integers with scales beside them",
    advice: "take the float model that it was made from",
    shows: ({ name, values, shape }) =>
      /(\.zero_point|_packed_params|\.weight_scale|\.qweight|\.qzeros|\.SCB)(\.|$)/.test(name) ||
      (values === "integers" && shape.length > 1 && name.endsWith(".weight")),
  },
  {
    is: "a detection model",
    advice:
      "Scour cleanses classifiers of whole images: its backbone alone with its classifier's head, if there is one, is such",
    shows: ({ name }) =>
      /(^|\.)(rpn|roi_heads|bbox_head|bbox_embed|class_labels_classifier|anchors?|dfl|box_predictor|regression_head)(\.|$)/.test(
        name,
      ),
  },
  {
    is: "a segmentation model, which answers for every pixel",
    advice: "Scour cleanses classifiers of whole images",
    shows: ({ name, shape }) =>
      /(^|\.)(aux_classifier|decode_head|segmentation_head|mask_head|outc)\./.test(name) ||
      /(^|\.)up\d*\./.test(name) ||
      (/(^|\.)(classifier|head|out)(\.\d+)?\.weight$/.test(name) &&
        shape.length === 4 &&
        /\.4\./.test(name)),
  },
  {
    is: "a recurrent network",
    advice: "Scour cleanses image classifiers of convolutions or attention",
    shows: ({ name }) => /(^|\.)weight_(ih|hh)_l\d+/.test(name),
  },
  {
    is: "a language model, or a text encoder beside an image encoder",
    advice: "Scour cleanses image classifiers: an image encoder with a linear head is one",
    shows: ({ name }) =>
      /(^|\.)(word_embeddings|embed_tokens|wte|lm_head|text_model|token_embedding)(\.|$)/.test(
        name,
      ),
  },
];

/** What a file seems to hold, where Scour cannot cleanse it as it is, and what to do. */
export function lookAlike(tensors: Tensors): string | undefined {
  for (const { advice, is, shows } of KINDS) {
    const sign = [...tensors.values()].find(shows);
    if (sign !== undefined) return `this looks like ${is} ('${sign.name}'): ${advice}`;
  }
  for (const [is, name] of UNDRAWN) {
    const sign = [...tensors.keys()].find((key) => name.test(key));
    if (sign !== undefined) {
      return `this looks like ${is} ('${sign}'), which names and shapes do not tell all of. ${AS_ONNX}`;
    }
  }
  return undefined;
}
