import { resnet18 } from "../../../protocol/model/architectures/resnet18.ts";
import { stateLayout, type StateLayout } from "../../../protocol/model/state-layout.ts";
import type { Batch, Engine, PixelBatch, Session, StepSettings } from "../engine.ts";

/** What is compared: a narrow ResNet-18, which every device holds and none is idle with. */
const WIDTH = 16;
const BATCH = 32;

/** Of two backends three seconds in all, with what compiling takes. */
const MEASURE_MS = 1200;

const SETTINGS = { learningRate: 0, momentum: 0.9, weightDecay: 0, temperature: 1 };

/**
 * Speed of distillation steps of a standard model on an engine, images per second; for comparing
 * engines before a campaign's own model is known.
 *
 * @throws EngineError from the session.
 */
export async function measureEngine(engine: Engine, milliseconds = MEASURE_MS): Promise<number> {
  const graph = resnet18({ width: WIDTH, classes: 10 });
  const layout = stateLayout(graph);
  const state = plausibleState(layout);
  const session = engine.openSession({ graph, layout, teacher: state });
  try {
    session.load(state);
    return await measureSteps(session, grayBatch(), SETTINGS, milliseconds);
  } finally {
    session.close();
  }
}

/** Speed of distillation steps of a session whose student is loaded, images per second. */
export async function measureSteps(
  session: Session,
  batch: Batch,
  settings: StepSettings,
  milliseconds: number,
): Promise<number> {
  // Compiles and warms up.
  await session.step(batch, settings);
  await session.results();
  let steps = 0;
  let elapsedMs = 0;
  // In doubling runs, each waited for: asking after every step would let a fast device idle.
  for (let count = 1; elapsedMs < milliseconds; count *= 2) {
    const began = performance.now();
    for (let i = 0; i < count; i++) await session.step(batch, settings);
    await session.results();
    elapsedMs += performance.now() - began;
    steps += count;
  }
  return (1000 * steps * batch.size) / elapsedMs;
}

/** Small weights of either sign; variances of one. */
function plausibleState(layout: StateLayout): Float32Array {
  const state = new Float32Array(layout.length);
  for (const { role, offset, size } of layout.entries) {
    const one = role === "running-variance" || role === "norm-scale";
    for (let i = 0; i < size; i++) state[offset + i] = one ? 1 : 0.05 * Math.sin(offset + i);
  }
  return state;
}

function grayBatch(): PixelBatch {
  const pixels = Uint8Array.from({ length: BATCH * 32 * 32 * 3 }, (_, i) => (i * 73) & 255);
  const table = Float32Array.from({ length: 3 * 256 }, (_, i) => ((i & 255) - 128) / 64);
  return { pixels, placements: new Uint8Array(3 * BATCH), cropPadding: 0, table, size: BATCH };
}
