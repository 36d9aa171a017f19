import { randomBytes } from "node:crypto";
import { open } from "node:fs/promises";
import { resnet18 } from "../../../protocol/model/architectures/resnet18.ts";
import { sizeOf, type Graph } from "../../../protocol/model/graph.ts";
import { stateLayout } from "../../../protocol/model/state-layout.ts";

/** A ResNet-18 of about so many bytes of float32. */
export function networkOfBytes(bytes: number): Graph {
  const classes = 10;
  const bytesAt = (width: number): number => 4 * stateLayout(resnet18({ width, classes })).length;
  let width = 1;
  while (bytesAt(width) < bytes) width++;
  return resnet18({ width, classes });
}

/** Writes a network with small arbitrary weights as safetensors, tensor by tensor: no more is held. */
export async function drawModel(path: string, { parameters }: Graph): Promise<void> {
  let end = 0;
  const header = parameters.map(({ name, shape }) => {
    const begin = end;
    end += 4 * sizeOf(shape);
    return [name, { dtype: "F32", shape, data_offsets: [begin, end] }] as const;
  });
  const json = Buffer.from(JSON.stringify(Object.fromEntries(header)));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(json.length));
  const file = await open(path, "w");
  try {
    await file.writeFile(Buffer.concat([prefix, json]));
    for (const { role, shape } of parameters) {
      const size = sizeOf(shape);
      const bytes = randomBytes(2 * size);
      const values = Float32Array.from({ length: size }, (_, i) =>
        role === "running-variance" ? 1 : (bytes.readUInt16LE(2 * i) / 65_536 - 0.5) * 0.1,
      );
      await file.writeFile(new Uint8Array(values.buffer));
    }
  } finally {
    await file.close();
  }
}
