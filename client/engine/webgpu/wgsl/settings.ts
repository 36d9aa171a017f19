import { numbersIn, REGULARISER_NAMES, type RegulariserSettings } from "../../regularisers.ts";

/** Settings of one step as the device sees them; the host writes them before its first dispatch. */
export interface DeviceSettings {
  readonly learningRate: number;
  readonly momentum: number;
  /** λ of SGD; of AdamW what θ keeps, 1 − η·λ. */
  readonly weightDecay: number;
  readonly temperature: number;
  /** 1 over the images of the whole batch. */
  readonly share: number;
  /** Entry of the ring of results. */
  readonly slot: number;
  readonly cropPadding: number;
  /** The copies' weight over the copies of the whole batch. */
  readonly copyShare: number;
  /** Of a gradient that perturbations ascend along. */
  readonly ascentShare: number;
  readonly radius: number;
  readonly stepLength: number;
  /** Lengths of the whole field that warps, `fieldBall`, as the two before are of what is added. */
  readonly warpRadius: number;
  readonly warpStep: number;
  /** β₂ and 1/√(1 − β₂ᵗ) of AdamW, whose learning rate comes divided by 1 − μᵗ. */
  readonly secondMomentum: number;
  readonly rootScale: number;
  /** Each of their numbers is a field by the regulariser's name and its own. */
  readonly regularisers: RegulariserSettings;
}

/** What each is to a shader; the order of the struct. */
const TYPES = {
  learningRate: "f32",
  momentum: "f32",
  weightDecay: "f32",
  temperature: "f32",
  share: "f32",
  slot: "u32",
  cropPadding: "u32",
  copyShare: "f32",
  ascentShare: "f32",
  radius: "f32",
  stepLength: "f32",
  warpRadius: "f32",
  warpStep: "f32",
  secondMomentum: "f32",
  rootScale: "f32",
} satisfies Record<Exclude<keyof DeviceSettings, "regularisers">, "f32" | "u32">;

const NAMES = Object.keys(TYPES) as (keyof typeof TYPES)[];

const REGULARISERS_NUMBERS = REGULARISER_NAMES.flatMap((name) =>
  numbersIn({}, name).map((number) => `${name}_${number.name}`),
);

/** WGSL: the type of what the host writes. */
export const SETTINGS_STRUCT = `struct Settings {
${[
  ...NAMES.map((name) => `  ${snakeCase(name)}: ${TYPES[name]},`),
  ...REGULARISERS_NUMBERS.map((name) => `  ${snakeCase(name)}: f32,`),
].join("\n")}
}`;

/** Of the buffer that holds them: whole vectors. */
export const SETTINGS_BYTES = 16 * Math.ceil((NAMES.length + REGULARISERS_NUMBERS.length) / 4);

/** The settings as the struct has them. */
export function settingsWords(settings: DeviceSettings): Float32Array<ArrayBuffer> {
  const floats = new Float32Array(SETTINGS_BYTES / 4);
  const words = new Uint32Array(floats.buffer);
  NAMES.forEach((name, at) => ((TYPES[name] === "u32" ? words : floats)[at] = settings[name]));
  const numbers = REGULARISER_NAMES.flatMap((name) => numbersIn(settings.regularisers, name));
  numbers.forEach(({ value }, i) => (floats[NAMES.length + i] = value));
  return floats;
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
