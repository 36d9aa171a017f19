import type { Activation } from "../../../../protocol/model/graph.ts";
import { rulesOf } from "../../program/activations.ts";
import type { Operand, Reading } from "../../program/operands.ts";
import type { Memory, ShaderWriter, Tensor } from "./shader.ts";

/**
 * Access to `[positions, channels]` memory four channels at a time ("a quad"), also where the number
 * of channels is no multiple of four.
 */

/** The channels a kernel works on: all of them, or one group of a grouped convolution's. */
export interface ChannelRun {
  /** Channels a position has in memory. */
  readonly stride: number;
  /** Channels of the run. */
  readonly count: number;
  /** First channel; an expression, a multiple of `count`. */
  readonly first: string;
}

export function allChannels(count: number): ChannelRun {
  return { stride: count, count, first: "0u" };
}

/** The channels of convolution group `channel_group`. */
export function groupChannels(stride: number, groups: number): ChannelRun {
  const count = stride / groups;
  return { stride, count, first: `channel_group * ${count}u` };
}

/** Whether quads of a run are whole vectors in memory. */
function isAligned({ width }: Tensor, { stride, count }: ChannelRun): boolean {
  return width === 4 && stride % 4 === 0 && count % 4 === 0;
}

export function quadsOf(count: number): number {
  return Math.ceil(count / 4);
}

/** Regions of these operands that can be accessed by vectors: channels in fours, also in place. */
export function wideRegions(
  operands: readonly (Operand | undefined)[],
  ...channelCounts: readonly number[]
): Memory[] {
  const inFours = channelCounts.every((count) => count % 4 === 0);
  const present = operands.filter((operand) => operand !== undefined);
  return [...new Set(present.map(({ region }) => region))].filter(
    (region) =>
      inFours && present.every((operand) => operand.region !== region || operand.offset % 4 === 0),
  );
}

/** One value, by its index from the operand's beginning. Of halves it cannot be assigned to. */
export function scalarAt({ memory, base, width }: Tensor, index: string): string {
  if (memory === "halves") {
    const word = `halves[${base} + ((${index}) >> 2u)][((${index}) >> 1u) & 1u]`;
    return `unpack2x16float(${word})[(${index}) & 1u]`;
  }
  return width === 1
    ? `${memory}[${base} + ${index}]`
    : `${memory}[${base} + ((${index}) >> 2u)][(${index}) & 3u]`;
}

/** An expression: channels 4·quad … 4·quad + 3 of the run; 0 past its end. */
export function loadQuad(tensor: Tensor, run: ChannelRun, position: string, quad: string): string {
  if (isAligned(tensor, run)) {
    const vector = vectorAt(tensor, run, position, quad);
    return tensor.memory === "halves" ? `widen(${vector})` : vector;
  }
  const values = [0, 1, 2, 3].map((j) => {
    const channel = `4u * (${quad}) + ${j}u`;
    const index = `(${position}) * ${run.stride}u + ${run.first} + ${channel}`;
    const value = scalarAt(tensor, index);
    return run.count % 4 === 0 ? value : `select(0.0, ${value}, ${channel} < ${run.count}u)`;
  });
  return `vec4f(${values.join(", ")})`;
}

/** A statement: writes the quad's channels that exist. */
export function storeQuad(
  tensor: Tensor,
  run: ChannelRun,
  position: string,
  quad: string,
  value: string,
): string {
  if (isAligned(tensor, run)) {
    const stored = tensor.memory === "halves" ? `narrow(${value})` : value;
    return `${vectorAt(tensor, run, position, quad)} = ${stored};`;
  }
  if (tensor.width === 4) throw new Error("parts of a vector cannot be written by themselves");
  const writes = [0, 1, 2, 3].map((j) => {
    const channel = `4u * (${quad}) + ${j}u`;
    const index = `(${position}) * ${run.stride}u + ${run.first} + ${channel}`;
    const guard = run.count % 4 === 0 ? "" : `if (${channel} < ${run.count}u) `;
    return `${guard}{ ${scalarAt(tensor, index)} = ${value}[${j}]; }`;
  });
  return writes.join(" ");
}

/** A statement: makes of a variable what will be read back from where it goes. */
export function roundTo({ memory }: Tensor, value: string): string {
  return memory === "halves" ? `${value} = widen(pack(${value}));` : "";
}

function vectorAt(
  { memory, base }: Tensor,
  { stride, count, first }: ChannelRun,
  position: string,
  quad: string,
): string {
  const start = stride === count ? "" : ` + (${first}) / 4u`;
  return `${memory}[${base} + (${position}) * ${stride / 4}u${start} + ${quad}]`;
}

/** A `Reading` as a shader sees it. */
export interface ShaderReading {
  readonly values: Tensor;
  readonly affine:
    | {
        readonly coefficients: Tensor;
        readonly activation: Activation | undefined;
        /** Whether all norm groups share the coefficients. */
        readonly common: boolean;
      }
    | undefined;
}

export function readingOf(
  shader: ShaderWriter,
  name: string,
  { values, affine }: Reading,
): ShaderReading {
  declareActivation(shader, affine?.activation);
  return {
    values: shader.operand(name, values),
    affine: affine && {
      coefficients: shader.operand(`${name}_norm`, affine.coefficients),
      activation: affine.activation,
      common: affine.common,
    },
  };
}

/** Statements: `<name>_scale` and `<name>_shift` of a quad, if the reading is normalised. */
export function declareAffine(
  name: string,
  { affine }: ShaderReading,
  run: ChannelRun,
  normGroup: string,
  quad: string,
): string {
  if (!affine) return "";
  const row = affine.common ? "0u" : `(${normGroup}) * 2u`;
  return `let ${name}_scale = ${loadQuad(affine.coefficients, run, row, quad)};
let ${name}_shift = ${loadQuad(affine.coefficients, run, `${row} + 1u`, quad)};`;
}

/** An expression: what the reading makes of stored values, with `declareAffine`'s coefficients. */
export function applyAffine(name: string, { affine }: ShaderReading, stored: string): string {
  if (!affine) return stored;
  const normalised = `fma(${stored}, ${name}_scale, ${name}_shift)`;
  return activate(affine.activation, normalised);
}

/** An expression: the activation of a quad. */
export function activated(activation: Activation, quad: string): string {
  return rulesOf(activation).wgsl.value(quad);
}

/** An expression: the activation, or nothing, of a quad. */
function activate(activation: Activation | undefined, quad: string): string {
  return activation ? activated(activation, quad) : quad;
}

/** Declares what an activation's expressions call. */
export function declareActivation(shader: ShaderWriter, activation: Activation | undefined): void {
  for (const text of (activation && rulesOf(activation).wgsl.functions) ?? []) shader.global(text);
}

/** A statement: makes of the quad in a variable what the activation, or nothing, makes of it. */
export function activateVariable(
  shader: ShaderWriter,
  activation: Activation | undefined,
  name: string,
): string {
  declareActivation(shader, activation);
  return activation ? `${name} = ${activate(activation, name)};` : "";
}
