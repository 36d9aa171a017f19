import type { ImageShape } from "../../../../protocol/model/graph.ts";
import { ADAM_EPSILON } from "../../optimizer.ts";
import type { Operand } from "../../program/operands.ts";
import { scalarAt } from "./channels.ts";
import type { InputLayout } from "./input-layout.ts";
import { MOST_WORKGROUPS, ShaderWriter, type Dispatch } from "./shader.ts";

/** Passes over a whole vector, one invocation to a value. */

const THREADS = 256;

export function flat(
  shader: ShaderWriter,
  label: string,
  count: number,
  cost: number,
  body: string,
): Dispatch {
  const workgroups = Math.ceil(count / THREADS);
  const across = Math.min(workgroups, MOST_WORKGROUPS);
  const total = shader.place("total", count);
  return shader.dispatch(
    label,
    [THREADS, 1],
    [across, Math.ceil(workgroups / across), 1],
    cost,
    `
let index = (group.y * ${MOST_WORKGROUPS}u + group.x) * ${THREADS}u + lane;
if (index < ${total}) {
  ${body}
}`,
  );
}

/** The gradient of a value without the loss's scale, a power of two. */
function unscaled(lossScale: number): string {
  return lossScale === 1 ? "gradient[index]" : `gradient[index] * (1.0 / ${lossScale}.0)`;
}

/**
 * v ← μ·v + g + λ·θ, θ ← θ − η·v, g ← 0 over the trainable values; g comes times `lossScale`.
 *
 * @param kept where θ is in the arena, when the student is at other weights
 */
export function descendDispatch(
  length: number,
  lossScale: number,
  kept: number | undefined,
): Dispatch {
  const shader = new ShaderWriter([]);
  const { settings } = shader;
  const theta = thetaOf(shader, kept);
  for (const memory of ["student", "gradient", "velocity"] as const) {
    shader.memory(memory, memory, 0);
  }
  return flat(
    shader,
    "descend",
    length,
    6 * length,
    `let value = ${theta};
  let speed = ${settings}.momentum * velocity[index] + ${unscaled(lossScale)} + ${settings}.weight_decay * value;
  velocity[index] = speed;
  student[index] = value - ${settings}.learning_rate * speed;
  gradient[index] = 0.0;`,
  );
}

/**
 * AdamW (`optimizer.ts`), g ← 0 over the trainable values; g comes times `lossScale`.
 *
 * @param second where the squares' mean is behind the gradients', in floats of the velocity
 * @param kept where θ is in the arena, when the student is at other weights
 */
export function adamDispatch(
  length: number,
  second: number,
  lossScale: number,
  kept: number | undefined,
): Dispatch {
  const shader = new ShaderWriter([]);
  const { settings } = shader;
  const theta = thetaOf(shader, kept);
  const square = scalarAt(shader.memory("square", "velocity", second), "index");
  for (const memory of ["student", "gradient", "velocity"] as const) {
    shader.memory(memory, memory, 0);
  }
  return flat(
    shader,
    "adamw",
    length,
    10 * length,
    `let slope = ${unscaled(lossScale)};
  let mean = ${settings}.momentum * velocity[index] + (1.0 - ${settings}.momentum) * slope;
  let fresh = (1.0 - ${settings}.second_momentum) * slope * slope;
  let squares = ${settings}.second_momentum * ${square} + fresh;
  velocity[index] = mean;
  ${square} = squares;
  let root = sqrt(squares) * ${settings}.root_scale + ${ADAM_EPSILON};
  student[index] = ${settings}.weight_decay * ${theta} - ${settings}.learning_rate * mean / root;
  gradient[index] = 0.0;`,
  );
}

/**
 * g ← g + λ·θ over the trainable values; g comes times `lossScale`.
 *
 * @param kept where θ is in the arena, when the student is at other weights: it goes back there
 */
export function decayDispatch(
  length: number,
  lossScale: number,
  kept: number | undefined,
): Dispatch {
  const shader = new ShaderWriter([]);
  const { settings } = shader;
  const theta = thetaOf(shader, kept);
  for (const memory of ["student", "gradient"] as const) shader.memory(memory, memory, 0);
  const back = kept === undefined ? "" : `student[index] = ${theta};\n  `;
  return flat(
    shader,
    "decay",
    length,
    3 * length,
    lossScale === 1
      ? `${back}gradient[index] += ${settings}.weight_decay * student[index];`
      : `${back}gradient[index] = ${unscaled(lossScale)} + ${settings}.weight_decay * student[index];`,
  );
}

function thetaOf(shader: ShaderWriter, kept: number | undefined): string {
  if (kept === undefined) return "student[index]";
  return scalarAt(shader.memory("kept", "arena", kept), "index");
}

/** Images of a micro-batch from the input to where the program reads them. */
export function placeImagesDispatch(
  images: Operand,
  firstImage: number,
  shape: ImageShape,
  layout: InputLayout,
): Dispatch {
  const { height, width, channels } = shape;
  const imageLength = height * width * channels;
  const shader = new ShaderWriter([]);
  const target = shader.operand("images", images);
  if (layout.kind === "values") {
    const values = shader.memory("values", "input", layout.values + firstImage * imageLength);
    return flat(
      shader,
      "upload",
      images.length,
      2 * images.length,
      `${scalarAt(target, "index")} = bitcast<f32>(${scalarAt(values, "index")});`,
    );
  }
  const { settings } = shader;
  const table = shader.memory("table", "input", layout.table);
  const placements = shader.memory("placements", "input", layout.placements + firstImage);
  const pixels = shader.memory("pixels", "input", layout.pixels);
  const first = shader.place("first_pixel", firstImage * imageLength);
  return flat(
    shader,
    "augment",
    images.length,
    4 * images.length,
    `let channel = index % ${channels}u;
  let across = i32(index / ${channels}u % ${width}u);
  let row = i32(index / ${channels * width}u % ${height}u);
  let image = index / ${imageLength}u;
  let placement = ${scalarAt(placements, "image")};
  let mirrored = (placement >> 16u) != 0u;
  let y = row + i32(placement & 255u) - i32(${settings}.crop_padding);
  let x = select(across, ${width - 1} - across, mirrored) + i32((placement >> 8u) & 255u) - i32(${settings}.crop_padding);
  var pixel = 0u;
  if (y >= 0 && y < ${height} && x >= 0 && x < ${width}) {
    let byte = ${first} + image * ${imageLength}u + u32((y * ${width} + x) * ${channels}) + channel;
    pixel = (${scalarAt(pixels, "(byte >> 2u)")} >> (8u * (byte & 3u))) & 255u;
  }
  ${scalarAt(target, "index")} = bitcast<f32>(${scalarAt(table, "(channel * 256u + pixel)")});`,
  );
}
