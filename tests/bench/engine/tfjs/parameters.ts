import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { entryView, type LayoutEntry } from "../../../../protocol/model/state-layout.ts";
import {
  fromChannelsLast,
  toChannelsLast,
} from "../../../../client/engine/program/device-layout.ts";

/** The part of the state vector that an entry names, as a tensor in the device's layout. */
export function uploadEntry(state: Float32Array, entry: LayoutEntry): Tensor {
  const values = entryView(state, entry);
  if (entry.role !== "conv-weight") return tf.tensor(values.slice(), [...entry.shape], "float32");
  const [out, input, height, width] = entry.shape as [number, number, number, number];
  return tf.tensor(toChannelsLast(values, entry.shape), [height, width, input, out], "float32");
}

/**
 * Reads tensors in the device's layout back into a vector laid out as `entries`, in one transfer.
 */
export async function downloadEntries(
  entries: readonly LayoutEntry[],
  tensorOf: (name: string) => Tensor,
  length: number,
): Promise<Float32Array> {
  const joined = tf.tidy(() =>
    tf.concat(entries.map(({ name, size }) => tf.reshape(tensorOf(name), [size]))),
  );
  const device = await joined.data<"float32">();
  joined.dispose();
  const vector = new Float32Array(length);
  let offset = 0;
  for (const entry of entries) {
    const values = device.subarray(offset, offset + entry.size);
    offset += entry.size;
    const target = entryView(vector, entry);
    if (entry.role === "conv-weight") fromChannelsLast(values, entry.shape, target);
    else target.set(values);
  }
  return vector;
}
