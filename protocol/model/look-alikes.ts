import type { Tensors } from "./drawing.ts";
import type { NamedTensor } from "./named-tensor.ts";

/** Models of other kinds than Scour cleanses, by what some tensor of theirs looks like. */
const KINDS: readonly {
  readonly is: string;
  readonly advice: string;
  shows(tensor: NamedTensor): boolean;
}[] = [
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

/** What a file seems to hold, where it is something that Scour does not cleanse, and what to do. */
export function lookAlike(tensors: Tensors): string | undefined {
  for (const { advice, is, shows } of KINDS) {
    const sign = [...tensors.values()].find(shows);
    if (sign !== undefined) return `this looks like ${is} ('${sign.name}'): ${advice}`;
  }
  return undefined;
}
