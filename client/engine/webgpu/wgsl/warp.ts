import type { CollectAscentKernel } from "../../program/kernels/copies.ts";
import { fieldLength, type WarpShape } from "../../host/warp-field.ts";
import { ascendInBall, ascentThreads, eachValue } from "./ball-ascent.ts";
import { scalarAt } from "./channels.ts";
import type { Cooperation } from "./cooperation.ts";
import { flat } from "./flat.ts";
import { type FloatPlace, ShaderWriter, type Dispatch, type Tensor } from "./shader.ts";

/** Fields of displacements that warp copies, and their ascent, see `WarpSettings`. */

/** Where a step finds a field, and what belongs to its ascent. */
export interface WarpPlace {
  /** φ `[grid, grid, 2]` */
  readonly field: FloatPlace;
  /** Gradients by every pixel's displacement added up, `[H, W, 2]`; floats of the arena. */
  readonly sums: number;
  /** The gradient by the field; floats of the arena. */
  readonly gradient: number;
}

/** An expression: the field's displacement at a node. */
function displacementAt(field: Tensor, node: string): string {
  const at = (axis: number): string => scalarAt(field, `(2u * (${node}) + ${axis}u)`);
  return `vec2f(${at(0)}, ${at(1)})`;
}

/**
 * Statements, from a `pixel` of the image: `upper_left`, `upper_right`, `lower_left` and
 * `lower_right`, where the pixels around its sample's place begin in an image; `between`, how far
 * below the upper and right of the left ones it is; `free`, 0 along an axis on which an edge holds
 * it, else 1.
 */
export function declareSample(field: Tensor, { grid, image }: WarpShape): string {
  const { height, width, channels } = image;
  const [rowGaps, columnGaps] = [Math.max(1, height - 1), Math.max(1, width - 1)];
  const last = `vec2f(${height - 1}.0, ${width - 1}.0)`;
  const corner = (row: string, column: string): string =>
    `(${row} * ${width}u + ${column}) * ${channels}u`;
  const node = (row: string, column: string): string =>
    displacementAt(field, `${row} * ${grid}u + ${column}`);
  return `let own = vec2u(pixel / ${width}u, pixel % ${width}u);
let scaled = own * ${grid - 1}u;
let gaps = vec2u(${rowGaps}u, ${columnGaps}u);
let node = scaled / gaps;
let next_node = min(node + 1u, vec2u(${grid - 1}u));
let from_node = vec2f(scaled % gaps) / vec2f(gaps);
let upper_nodes = (1.0 - from_node.y) * ${node("node.x", "node.y")} + from_node.y * ${node("node.x", "next_node.y")};
let lower_nodes = (1.0 - from_node.y) * ${node("next_node.x", "node.y")} + from_node.y * ${node("next_node.x", "next_node.y")};
let leads_to = vec2f(own) + (1.0 - from_node.x) * upper_nodes + from_node.x * lower_nodes;
let held = clamp(leads_to, vec2f(), ${last});
let free = select(vec2f(), vec2f(1.0), (leads_to > vec2f()) & (leads_to < ${last}));
let between = held - floor(held);
let first = vec2u(held);
let second = min(first + 1u, vec2u(${height - 1}u, ${width - 1}u));
let upper_left = ${corner("first.x", "first.y")};
let upper_right = ${corner("first.x", "second.y")};
let lower_left = ${corner("second.x", "first.y")};
let lower_right = ${corner("second.x", "second.y")};`;
}

/** An expression: the sample, of values by the corner that they are at. */
export function bilinear(valueAt: (corner: string) => string): string {
  const side = (left: string, right: string): string =>
    `((1.0 - between.y) * ${valueAt(left)} + between.y * ${valueAt(right)})`;
  const upper = side("upper_left", "upper_right");
  const lower = side("lower_left", "lower_right");
  return `(1.0 - between.x) * ${upper} + between.x * ${lower}`;
}

/** The warped copies' gradients by every pixel's displacement onto the sums, copy after copy. */
export function collectWarpDispatch(
  { rows, gradient, imageLength }: CollectAscentKernel,
  warp: NonNullable<CollectAscentKernel["warp"]>,
  normGroups: number,
  first: boolean,
  { field, sums }: WarpPlace,
): Dispatch {
  const { groupSize, clean, copies } = rows;
  const { height, width, channels } = warp.image;
  const shader = new ShaderWriter([]);
  const displacements = shader.memory("field", field.memory, field.offset);
  const images = shader.operand("images", warp.images);
  const imageGradient = shader.operand("image_gradient", gradient);
  const target = shader.memory("sums", "arena", sums);
  const begins = shader.place("begins", first ? 1 : 0);
  const groups = shader.place("norm_groups", normGroups);
  const [byRow, byColumn] = [0, 1].map((axis) => scalarAt(target, `(2u * index + ${axis}u)`));
  const at = (corner: string): string => scalarAt(images, `(image + ${corner} + channel)`);
  const copyRow = `(norm_group * ${clean + copies}u + ${clean}u + copy)`;
  return flat(
    shader,
    "collect-warp",
    height * width,
    5 * copies * normGroups * imageLength,
    `let pixel = index;
  ${declareSample(displacements, warp)}
  var sum = vec2f();
  if (${begins} == 0u) { sum = vec2f(${byRow}, ${byColumn}); }
  for (var norm_group = 0u; norm_group < ${groups}; norm_group++) {
    for (var copy = 1u; copy < ${copies}u; copy += 2u) {
      let image = (norm_group * ${groupSize}u + copy) * ${imageLength}u;
      let copied = ${copyRow} * ${imageLength}u + pixel * ${channels}u;
      var slope = vec2f();
      for (var channel = 0u; channel < ${channels}u; channel++) {
        let a = ${at("upper_left")};
        let b = ${at("upper_right")};
        let c = ${at("lower_left")};
        let d = ${at("lower_right")};
        let down = (1.0 - between.y) * (c - a) + between.y * (d - b);
        let right = (1.0 - between.x) * (b - a) + between.x * (d - c);
        slope += ${scalarAt(imageGradient, "(copied + channel)")} * vec2f(down, right);
      }
      sum += free * slope;
    }
  }
  ${byRow} = sum.x;
  ${byColumn} = sum.y;`,
  );
}

/** φ ← Π(φ + step·ĝ), by one workgroup. */
export function ascendWarpDispatch(
  { grid, image }: WarpShape,
  { field, sums, gradient }: WarpPlace,
  cooperation: Cooperation,
): Dispatch {
  const { height, width } = image;
  const [rowGaps, columnGaps] = [Math.max(1, height - 1), Math.max(1, width - 1)];
  const threads = ascentThreads(cooperation);
  const shader = new ShaderWriter([]);
  const { settings } = shader;
  const value = scalarAt(shader.memory("field", field.memory, field.offset), "i");
  const byPixel = shader.memory("sums", "arena", sums);
  const byNode = scalarAt(shader.memory("field_gradient", "arena", gradient), "i");
  const length = fieldLength(grid);
  // Pixels that a node has a share in: as whole numbers, so that none is missed.
  const reach = (name: string, node: string, gaps: number, pixels: number): string =>
    `let ${name}_first = select(0u, (max(${node}, 1u) - 1u) * ${gaps}u / ${grid - 1}u, ${node} > 0u);
let ${name}_end = min(${pixels}u, ((${node} + 1u) * ${gaps}u + ${grid - 2}u) / ${grid - 1}u + 1u);`;
  const share = (pixel: string, node: string, gaps: number): string =>
    `max(0.0, 1.0 - abs(f32(i32(${pixel} * ${grid - 1}u) - i32(${node} * ${gaps}u))) / ${gaps}.0)`;
  const gather = eachValue(
    length,
    threads,
    `let node = vec2u(i / ${2 * grid}u, i / 2u % ${grid}u);
  ${reach("row", "node.x", rowGaps, height)}
  ${reach("column", "node.y", columnGaps, width)}
  var sum = 0.0;
  for (var row = row_first; row < row_end; row++) {
    let down = ${share("row", "node.x", rowGaps)};
    for (var column = column_first; column < column_end; column++) {
      let right = ${share("column", "node.y", columnGaps)};
      sum += down * right * ${scalarAt(byPixel, `(2u * (row * ${width}u + column) + i % 2u)`)};
    }
  }
  ${byNode} = sum;`,
  );
  const ascending = {
    length,
    value,
    before: value,
    gradient: byNode,
    radius: `${settings}.warp_radius`,
    step: `${settings}.warp_step`,
  };
  const body = `${gather}${ascendInBall(shader, ascending, threads)}`;
  const cost = 8 * (height * width + length);
  return shader.dispatch("ascend-warp", [threads, 1], [1, 1, 1], cost, body);
}
