import type { Drawing } from "../drawing.ts";
import type { ValueId } from "../graph.ts";

/** Side of the window that pytorch-cifar's networks pool before the head, whatever the images' size. */
const WINDOW = 4;

/**
 * What the head reads: the mean over all positions, or, where its weight asks for more features than
 * there are channels, what a 4×4 average-pool leaves, flattened (pytorch-cifar on images larger than 32).
 */
export function pooledFor(net: Drawing, value: ValueId, head: string): ValueId {
  const features = net.told(`${head}.weight`)?.[1];
  const [height, width] = net.shape(value) as [number, number, number];
  const positions = Math.floor(height / WINDOW) * Math.floor(width / WINDOW);
  if (features === undefined || positions < 2 || features !== positions * net.channels(value)) {
    return net.globalPool(value);
  }
  return net.flatten(net.averagePool(value, WINDOW, "pool"));
}
