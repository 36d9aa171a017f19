export const RESIZES = ["squash", "shorter-side"] as const;
export const INTERPOLATIONS = ["bilinear", "bicubic", "nearest"] as const;
export const CHANNEL_ORDERS = ["rgb", "bgr"] as const;
export const VALUE_RANGES = ["unit", "bytes", "symmetric"] as const;

export type ValueRange = (typeof VALUE_RANGES)[number];

/**
 * How models of a kind are trained to see pictures, as a rule: what a campaign has where it says nothing
 * else (SPEC N). Mean and std only where they are the same for all of them.
 */
export interface PreprocessingDefaults {
  readonly resize: (typeof RESIZES)[number];
  /** Share of the resized side that is the image's; the rest is cropped away around the middle. */
  readonly crop: number;
  readonly interpolation: (typeof INTERPOLATIONS)[number];
  readonly antialias: boolean;
  readonly channelOrder: (typeof CHANNEL_ORDERS)[number];
  readonly range: ValueRange;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
}

/** Of models for the small pictures of a data set, which come in the model's size. */
export const OWN_SIZE: PreprocessingDefaults = {
  resize: "squash",
  crop: 1,
  interpolation: "bilinear",
  antialias: true,
  channelOrder: "rgb",
  range: "unit",
};

/** Of models for ImageNet, as torchvision and most of timm train them: 256, of which the middle 224. */
export const IMAGENET: PreprocessingDefaults = {
  ...OWN_SIZE,
  resize: "shorter-side",
  crop: 0.875,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

const IN_PROPORTION: PreprocessingDefaults = { ...OWN_SIZE, resize: "shorter-side" };

/** Images of fewer pixels a side are those of other data sets. */
const LEAST_OF_IMAGENET = 160;

/**
 * What holds for a network that takes images of this side, unless its family says otherwise: ImageNet's for
 * a network that is made for it, at about its size. At another size it was trained on something else, with
 * mean and std that nobody knows but who trained it.
 *
 * @param usual side of the images that such networks are made for
 */
export function usuallySeen(usual: number, side: number): PreprocessingDefaults {
  const isLarge = side >= LEAST_OF_IMAGENET;
  if (usual < LEAST_OF_IMAGENET) return isLarge ? IN_PROPORTION : OWN_SIZE;
  return isLarge ? IMAGENET : IN_PROPORTION;
}

/** What files of a form are trained with otherwise than most. */
export interface SeenOtherwise extends Partial<PreprocessingDefaults> {
  /** Whether they are trained with one mean and std as well as another. */
  readonly pixels?: "asked";
}

/** Pixels from −1 to 1, as Google trains. */
export const HALVES: SeenOtherwise = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

/** As a form has it: mean and std are nobody's where they are asked for, all else is as for ImageNet's size. */
export function seenAs(
  { mean, std, ...usual }: PreprocessingDefaults,
  { pixels, ...otherwise }: SeenOtherwise,
): PreprocessingDefaults {
  const known = mean === undefined || std === undefined ? {} : { mean, std };
  const seen = pixels === "asked" ? usual : { ...usual, ...known };
  return usual.crop === IMAGENET.crop ? { ...seen, ...otherwise } : seen;
}
