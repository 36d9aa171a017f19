import { sha256 } from "../../../protocol/digest.ts";
import { resnet18 } from "../../../protocol/model/architectures/resnet18.ts";
import { sizeOf } from "../../../protocol/model/graph.ts";
import { stateLayout, type StateLayout } from "../../../protocol/model/state-layout.ts";
import { writeSafetensors } from "../../../protocol/formats/safetensors/writer.ts";

export interface SmallModel {
  readonly bytes: Buffer<ArrayBuffer>;
  readonly digest: string;
  readonly layout: StateLayout;
  readonly classes: number;
}

/** A ResNet-18 with arbitrary weights that a seed decides. */
export function smallModel(width: number, seed: number): SmallModel {
  const classes = 10;
  const graph = resnet18({ width, classes });
  const file = writeSafetensors(
    graph.parameters.map(({ name, role, shape }, i) => {
      const values = smallNumbers(sizeOf(shape), 0.1, seed + 1000 * i);
      if (role === "running-variance") values.fill(1);
      return { name, dtype: "F32", shape, values };
    }),
  );
  return {
    bytes: Buffer.from(file.buffer),
    digest: sha256(file),
    layout: stateLayout(graph),
    classes,
  };
}

/** Small numbers without a period that matters: a linear congruential sequence. */
export function smallNumbers(
  length: number,
  scale: number,
  seed: number,
): Float32Array<ArrayBuffer> {
  let state = (seed + 12_345) >>> 0;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state / 2 ** 32 - 0.5) * scale;
  });
}
