import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { PerturbedAnswers, Session } from "../../../../client/engine/engine.ts";
import type { WebgpuEngine } from "../../../../client/engine/webgpu/webgpu-engine.ts";
import { smallGraph } from "../small-graph.ts";
import { openOurs, openSmallSession, pixelBatch } from "./small-training.ts";

const { graph, layout } = smallGraph();
const { height, width, channels } = graph.inputShape;
const batch = pixelBatch(0);
const answers = new Float32Array(batch.size * graph.classes).fill(1 / graph.classes);
const delta = Float32Array.from({ length: height * width * channels }, (_, i) => 0.1 * Math.sin(i));

/** What the teacher answers, and the gradient by the image. */
function ask(session: Session): Promise<PerturbedAnswers> {
  return session.perturbedLogits("teacher", batch, delta, answers);
}

describe("a search through the teacher on WebGPU", () => {
  let engine: WebgpuEngine;
  beforeAll(async () => {
    engine = await openOurs();
  });
  afterAll(async () => engine.close());

  it("sends the teacher once", async () => {
    const session = openSmallSession(engine);
    await ask(session);
    const write = vi.spyOn((await engine.device()).gpu.queue, "writeBuffer");
    await ask(session);
    const sent = write.mock.calls.map(([, , values]) => values.byteLength);
    write.mockRestore();
    session.close();
    expect(sent.length).toBeGreaterThan(0);
    expect(sent).not.toContain(4 * layout.length);
  });

  it("has it again after a measurement, and on another device", async () => {
    const session = openSmallSession(engine);
    const first = await ask(session);
    const statistics = await session.channelStatistics(pixelBatch(1));
    expect(await ask(session)).toEqual(first);
    (await engine.device()).gpu.destroy();
    expect(await ask(session)).toEqual(first);
    expect(await session.channelStatistics(pixelBatch(1))).toEqual(statistics);
    session.close();
  });

  it("goes on however often the device is lost, as long as it answers in between", async () => {
    const session = openSmallSession(engine);
    const first = await ask(session);
    for (let loss = 0; loss < 4; loss++) {
      (await engine.device()).gpu.destroy();
      expect(await ask(session)).toEqual(first);
    }
    session.close();
  });
});
