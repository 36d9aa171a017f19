import { outputIndex, sizeOf, type LoopsKernel } from "../../program/kernels/loops.ts";
import { allParts, conditionsOf, type Expression } from "../../program/loops/expression.ts";
import { dependsOn, dividesAxis, timesOf } from "../../program/loops/index-form.ts";
import type { Operand } from "../../program/operands.ts";
import { declareActivation, scalarAt } from "./channels.ts";
import { flat } from "./flat.ts";
import { indexText, isInFours, LoopShader, placeText } from "./loop-shader.ts";
import { ShaderWriter, type Dispatch, type Memory, type Tensor } from "./shader.ts";

/** One invocation to four values of the output, or to one where they do not come in fours. */
export function loopsDispatch(kernel: LoopsKernel): Dispatch {
  const { label, extents, reduction, reads, output } = kernel;
  const values = sizeOf(extents);
  const quads = isInQuads(kernel);
  const shader = new ShaderWriter(quads ? wideRegions([...reads, output]) : []);
  const tensors = reads.map((read, i) => shader.operand(`read_${i}`, read));
  const target = shader.operand("target", output);
  for (const part of partsOf(kernel)) {
    if (part.kind === "activation") declareActivation(shader, part.activation);
  }
  const cost = values * (1 + sizeOf(reduction?.extents ?? [0]));
  const dispatch = (count: number, body: string): Dispatch =>
    flat(shader, `loops ${label}`, count, cost, body);
  if (quads) return dispatch(values / 4, quadText(kernel, tensors, target));
  if (output.region !== "halves") return dispatch(values, valueText(kernel, tensors, target));
  if (values % 4 !== 0) throw new Error(`${label}: halves are written in fours`);
  return dispatch(values / 4, lanesText(kernel, tensors, target));
}

/** Whether four values that follow each other differ by nothing but where they lie. */
function isInQuads(kernel: LoopsKernel): boolean {
  const last = kernel.extents.length - 1;
  if (kernel.extents[last]! % 4 !== 0) return false;
  return partsOf(kernel).every((part) => {
    switch (part.kind) {
      case "load":
        return [0, 1].includes(timesOf(part.at, last)) && !dividesAxis(part.at, last);
      case "index":
        return !dividesAxis(part.at, last);
      case "when":
        return conditionsOf(part)
          .filter(({ at }) => dependsOn(at, last))
          .every(
            ({ at, from, before }) =>
              timesOf(at, last) === 1 &&
              isInFours({ ...at, constant: at.constant - from }, last) &&
              (before - from) % 4 === 0,
          );
      default:
        return true;
    }
  });
}

function partsOf({ value, reduction }: LoopsKernel): Expression[] {
  return [...allParts(value), ...(reduction ? allParts(reduction.of) : [])];
}

/** Regions in which all of these operands begin at whole vectors. */
function wideRegions(operands: readonly Operand[]): Memory[] {
  const regions = [...new Set(operands.map(({ region }) => region))];
  return regions.filter((region) =>
    operands.every((operand) => operand.region !== region || operand.offset % 4 === 0),
  );
}

/** Statements: the values from 4·index on. */
function quadText(kernel: LoopsKernel, tensors: readonly Tensor[], target: Tensor): string {
  const { memory, base, width } = target;
  const lanes = [0, 1, 2, 3].map((lane) => scalarAt(target, `4u * index + ${lane}u`));
  const vector = `${memory}[${base} + index]`;
  const present = width === 4 ? vector : `vec4f(${lanes.join(", ")})`;
  const { statements, value } = new LoopShader(tensors, kernel.extents.length - 1).value(
    kernel,
    present,
  );
  const stored = memory === "halves" ? "narrow(value)" : "value";
  const store =
    width === 4 ? [`${vector} = ${stored};`] : lanes.map((lane, i) => `${lane} = value[${i}];`);
  return [
    placeText(kernel.extents, "4u * index"),
    ...statements,
    `let value = ${value};`,
    ...store,
  ].join("\n");
}

/** Statements: one value. */
function valueText(kernel: LoopsKernel, tensors: readonly Tensor[], target: Tensor): string {
  const present = scalarAt(target, "index");
  const { statements, value } = new LoopShader(tensors, undefined).value(kernel, present);
  return [placeText(kernel.extents, "index"), ...statements, `${present} = ${value};`].join("\n");
}

/** Statements: four values, each by itself, written as one vector. */
function lanesText(kernel: LoopsKernel, tensors: readonly Tensor[], target: Tensor): string {
  const at = `u32(${indexText(outputIndex(kernel))})`;
  const { statements, value } = new LoopShader(tensors, undefined).value(
    kernel,
    scalarAt(target, at),
  );
  return `var values = vec4f();
for (var of_four = 0u; of_four < 4u; of_four++) {
${placeText(kernel.extents, "4u * index + of_four")}
${statements.join("\n")}
values[of_four] = ${value};
}
${target.memory}[${target.base} + index] = narrow(values);`;
}
