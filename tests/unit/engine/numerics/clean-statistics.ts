import { expect } from "vitest";
import type { AdversarySettings } from "../../../../client/engine/adversary-settings.ts";
import type { Engine } from "../../../../client/engine/engine.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import { GraphBuilder } from "./graph-builder.ts";
import { drawCase, onEngine } from "./numeric-case.ts";
import { randomBatch } from "./random-graph.ts";
import { SETTINGS } from "./scenarios.ts";

/** Enough rows that pieces of a sum end neither with a group's images nor with its copies. */
const GROUP = 10;
const HEIGHT = 5;
const WIDTH = 7;
const CHANNELS = 4;

const ADVERSARY: AdversarySettings = {
  weight: 0.5,
  share: 0.5,
  norm: "l2",
  radius: 2,
  stepLength: 1,
  scope: "universal",
  ascents: 0,
  restart: Float32Array.from({ length: HEIGHT * WIDTH * CHANNELS }, (_, i) => 0.5 * Math.sin(i)),
};

/**
 * Expects batch norms of images, of convolutions and of sums to take the statistics that they take
 * without copies, to the bit.
 */
export async function expectCleanStatistics(engine: Engine): Promise<void> {
  const net = new GraphBuilder({ height: HEIGHT, width: WIDTH, channels: CHANNELS });
  const features = net.conv(net.norm(net.image), { channels: 8, kernel: 3 });
  const summed = net.norm(net.add(features, net.relu(net.norm(features))));
  const graph = net.graph(net.linear(net.pool(summed), 3));
  const layout = stateLayout(graph);
  const drawn = drawCase({ graph, layout }, GROUP, 3);
  const batch = randomBatch(graph, 2 * GROUP, 1);
  await onEngine(engine, drawn, async (session) => {
    const plain = await session.gradient(batch, SETTINGS[0]);
    const { state } = await session.read();
    session.load(drawn.student);
    const hardened = await session.gradient(batch, { ...SETTINGS[0], adversary: ADVERSARY });
    expect((await session.read()).state).toEqual(state);
    expect(state.subarray(layout.trainableLength)).not.toEqual(
      drawn.student.subarray(layout.trainableLength),
    );
    // The images' own part of the forward pass does not know of copies.
    expect(hardened.loss).toBeCloseTo(plain.loss, 6);
    expect(hardened.gradient).not.toEqual(plain.gradient);
  });
}
