import type { GradientEpilogue } from "../../program/program.ts";
import {
  applyAffine,
  declareAffine,
  loadQuad,
  readingOf,
  roundTo,
  storeQuad,
  type ChannelRun,
  type ShaderReading,
} from "./channels.ts";
import type { ShaderWriter, Tensor } from "./shader.ts";

/** A `GradientEpilogue` as a shader sees it. */
export interface ShaderEpilogue {
  readonly addend: Tensor | undefined;
  readonly mask: ShaderReading | undefined;
  readonly sums: { readonly out: Tensor; readonly z: Tensor } | undefined;
}

export function epilogueOf(
  shader: ShaderWriter,
  { addend, mask, sums }: GradientEpilogue,
): ShaderEpilogue {
  return {
    addend: addend && shader.operand("addend", addend),
    mask: mask && readingOf(shader, "mask", mask),
    sums: sums && { out: shader.operand("sums", sums.operand), z: shader.operand("z", sums.z) },
  };
}

/** Operands of an epilogue that lie in the arena. */
export function epilogueOperands({ addend, mask, sums }: GradientEpilogue) {
  return [addend, mask?.values, mask?.affine?.coefficients, sums?.operand, sums?.z];
}

/** Statements: the mask's coefficients for a quad of columns, to be used under `name`. */
export function declareMask(
  { mask }: ShaderEpilogue,
  name: string,
  run: ChannelRun,
  quad: string,
): string {
  return mask ? declareAffine(name, mask, run, "norm_group", quad) : "";
}

/**
 * Statements: `value`, a quad of the gradient at `position`, goes through the epilogue; it is added
 * to `first` and `second` where sums are wanted.
 *
 * @param target where it will be stored, if it is
 * @param name what `declareMask` was told
 */
export function applyEpilogue(
  { addend, mask, sums }: ShaderEpilogue,
  target: Tensor | undefined,
  name: string,
  run: ChannelRun,
  quad: string,
  [first, second]: readonly [string, string],
): string {
  const add = addend ? `value += ${loadQuad(addend, run, "position", quad)};` : "";
  const load = (tensor: Tensor): string => loadQuad(tensor, run, "position", quad);
  const pass = mask
    ? `value = select(vec4f(), value, ${applyAffine(name, mask, load(mask.values))} > vec4f());`
    : "";
  const round = target && sums ? roundTo(target, "value") : "";
  const sum = sums ? `${round}${first} += value; ${second} += value * ${load(sums.z)};` : "";
  return `${add}\n${pass}\n${sum}`;
}

/** Statements: writes both sums of a quad of channels to `row` and the one after it. */
export function storeSums(
  out: Tensor,
  run: ChannelRun,
  row: string,
  quad: string,
  [first, second]: readonly [string, string],
): string {
  return `${storeQuad(out, run, row, quad, first)}
${storeQuad(out, run, `${row} + 1u`, quad, second)}`;
}
