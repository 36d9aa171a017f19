import type { LowFrequencySettings } from "../../adversary-settings.ts";
import { cosinesOf, dirichletKernel } from "../../host/low-frequencies.ts";
import { imageLengthOf } from "../../host/warp-field.ts";
import type { ImageShape } from "../../../../protocol/model/graph.ts";
import type { Stretch } from "./ball-ascent.ts";
import { scalarAt } from "./channels.ts";
import { flat } from "./flat.ts";
import { type FloatPlace, ShaderWriter, type Dispatch } from "./shader.ts";

/** Low frequencies of a perturbation and of its gradient, see `LowFrequencySettings`. */

/** What is projected, and where it is left; the last two in floats of the arena, twice an image. */
export interface ProjectionPlace {
  readonly perturbation: FloatPlace;
  /** Its gradient; floats of the arena. */
  readonly ascent: number;
  /** Both along rows: P is half done. */
  readonly across: number;
  /** The gradient projected, then the perturbation. */
  readonly low: number;
}

/** An array of the Dirichlet kernel, and an expression for A[i, j]. */
function projectionAlong(
  shader: ShaderWriter,
  pixels: number,
  share: number,
): (i: string, j: string) => string {
  const kernel = dirichletKernel(pixels, cosinesOf(share, pixels));
  const values = Array.from(kernel, (value) => Math.fround(value)).join(", ");
  shader.global(`const projection = array<f32, ${kernel.length}>(${values});`);
  return (i, j) => `(projection[max(${i}, ${j}) - min(${i}, ${j})] + projection[${i} + ${j} + 1u])`;
}

/** Projects the one perturbation and its gradient: along rows, then along columns. */
export function projectDispatches(
  image: ImageShape,
  { share }: LowFrequencySettings,
  { perturbation, ascent, across, low }: ProjectionPlace,
): Dispatch[] {
  const { height, width, channels } = image;
  const length = imageLengthOf(image);
  const row = width * channels;
  const rows = new ShaderWriter([]);
  const alongRow = projectionAlong(rows, width, share);
  const gradient = rows.memory("ascent", "arena", ascent);
  const delta = rows.memory("delta", perturbation.memory, perturbation.offset);
  const halfway = rows.memory("across", "arena", across);
  const from = `first + other * ${channels}u`;
  const byRow = `let value = index % ${length}u;
  let column = value / ${channels}u % ${width}u;
  let first = value - column * ${channels}u;
  var sum = 0.0;
  for (var other = 0u; other < ${width}u; other++) {
    var term = 0.0;
    if (index < ${length}u) { term = ${scalarAt(gradient, `(${from})`)}; }
    else { term = ${scalarAt(delta, `(${from})`)}; }
    sum += ${alongRow("column", "other")} * term;
  }
  ${scalarAt(halfway, "index")} = sum;`;
  const columns = new ShaderWriter([]);
  const alongColumn = projectionAlong(columns, height, share);
  const source = columns.memory("across", "arena", across);
  const target = columns.memory("low", "arena", low);
  const byColumn = `let row = index % ${length}u / ${row}u;
  let first = index - row * ${row}u;
  var sum = 0.0;
  for (var other = 0u; other < ${height}u; other++) {
    sum += ${alongColumn("row", "other")} * ${scalarAt(source, `(first + other * ${row}u)`)};
  }
  ${scalarAt(target, "index")} = sum;`;
  return [
    flat(rows, "project-rows", 2 * length, 2 * length * width, byRow),
    flat(columns, "project-columns", 2 * length, 2 * length * height, byColumn),
  ];
}

/** What an ascent in a stretched ball reads, of what was projected before. */
export function stretchOf(
  shader: ShaderWriter,
  { gain }: LowFrequencySettings,
  { low }: Pick<ProjectionPlace, "low">,
  imageLength: number,
): Stretch {
  const projected = shader.memory("low", "arena", low);
  return {
    gain,
    gradient: scalarAt(projected, "i"),
    value: scalarAt(projected, `(${imageLength}u + i)`),
  };
}
