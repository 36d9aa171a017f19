import type { Activation } from "../../../../protocol/model/graph.ts";
import { rulesOf } from "../../program/activations.ts";
import type { GradientEpilogue } from "../../program/kernels/gradient-epilogue.ts";
import {
  applyAffine,
  declareActivation,
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
  readonly activated: { readonly activation: Activation; readonly from: ShaderReading } | undefined;
  readonly sums: { readonly out: Tensor; readonly z: Tensor } | undefined;
}

export function epilogueOf(
  shader: ShaderWriter,
  { addend, activated, sums }: GradientEpilogue,
): ShaderEpilogue {
  if (activated) declareActivation(shader, activated.activation);
  return {
    addend: addend && shader.operand("addend", addend),
    activated: activated && {
      activation: activated.activation,
      from: readingOf(shader, "mask", activated.from),
    },
    sums: sums && { out: shader.operand("sums", sums.operand), z: shader.operand("z", sums.z) },
  };
}

/** Operands of an epilogue that lie in the arena. */
export function epilogueOperands({ addend, activated, sums }: GradientEpilogue) {
  const from = activated?.from;
  return [addend, from?.values, from?.affine?.coefficients, sums?.operand, sums?.z];
}

/** Statements: coefficients of what the derivative is told from, for a quad of columns, to be used under `name`. */
export function declareActivated(
  { activated }: ShaderEpilogue,
  name: string,
  run: ChannelRun,
  quad: string,
): string {
  return activated ? declareAffine(name, activated.from, run, "norm_group", quad) : "";
}

/**
 * Statements: `value`, a quad of the gradient at `position`, goes through the epilogue; it is added
 * to `first` and `second` where sums are wanted.
 *
 * @param target where it will be stored, if it is
 * @param name what `declareActivated` was told
 */
export function applyEpilogue(
  { addend, activated, sums }: ShaderEpilogue,
  target: Tensor | undefined,
  name: string,
  run: ChannelRun,
  quad: string,
  [first, second]: readonly [string, string],
): string {
  const add = addend ? `value += ${loadQuad(addend, run, "position", quad)};` : "";
  const load = (tensor: Tensor): string => loadQuad(tensor, run, "position", quad);
  const back = activated ? throughActivation(activated, name, load(activated.from.values)) : "";
  const round = target && sums ? roundTo(target, "value") : "";
  const sum = sums ? `${round}${first} += value; ${second} += value * ${load(sums.z)};` : "";
  return `${add}\n${back}\n${sum}`;
}

/** A statement: `value` becomes the gradient by what the activation was given. */
function throughActivation(
  { activation, from }: NonNullable<ShaderEpilogue["activated"]>,
  name: string,
  stored: string,
): string {
  const { gradient } = rulesOf(activation).wgsl;
  return `value = ${gradient("value", applyAffine(name, from, stored))};`;
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
