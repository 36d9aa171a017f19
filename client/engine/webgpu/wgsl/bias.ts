import type { BiasGradientKernel } from "../../program/kernels/bias.ts";
import { allChannels, loadQuad, scalarAt, wideRegions } from "./channels.ts";
import type { Cooperation } from "./cooperation.ts";
import { channelReduction } from "./norm.ts";
import { rowwise } from "./rowwise.ts";
import { ShaderWriter, type Dispatch } from "./shader.ts";

/** Σ dy run by run; then db, norm groups one after the other. */
export function biasGradientDispatches(
  kernel: BiasGradientKernel,
  normGroups: number,
  cooperation: Cooperation,
): Dispatch[] {
  return [
    runSumsDispatch(kernel, normGroups, cooperation),
    totalDispatch(kernel, normGroups, cooperation),
  ];
}

function runSumsDispatch(
  { rows, channels, dy, sums }: BiasGradientKernel,
  normGroups: number,
  cooperation: Cooperation,
): Dispatch {
  const shader = new ShaderWriter(wideRegions([dy, sums.operand], channels));
  const source = shader.operand("dy", dy);
  const out = shader.operand("sums", sums.operand);
  return rowwise(shader, {
    label: "bias-sums",
    rows,
    channels,
    normGroups,
    cooperation,
    before: "",
    each: `first += ${loadQuad(source, allChannels(channels), "position", "quad")};`,
    sums: { out },
    cost: rows * channels,
  });
}

function totalDispatch(
  { channels, sums, dBias }: BiasGradientKernel,
  normGroups: number,
  cooperation: Cooperation,
): Dispatch {
  const shader = new ShaderWriter([]);
  const sumsTensor = shader.operand("sums", sums.operand);
  const place = scalarAt(shader.operand("d_bias", dBias), "channel");
  return channelReduction(shader, {
    label: "bias-gradient",
    channels,
    sums,
    sumsTensor,
    normGroups,
    cooperation,
    before: `var d_bias = 0.0;
if (finishes) { d_bias = ${place}; }`,
    each: "d_bias += total.x;",
    after: `if (finishes) { ${place} = d_bias; }`,
  });
}
