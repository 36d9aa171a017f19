import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, describe, it } from "vitest";
import type { Engine, Session, SessionReading } from "../../../../client/engine/engine.ts";
import { EngineError } from "../../../../client/engine/engine-error.ts";
import type { ThreadStarter } from "../../../../client/engine/environment.ts";
import { nodeEnvironment } from "../../../../client/engine/opening/node-environment.ts";
import {
  openWasmEngine,
  type WasmEngineOptions,
} from "../../../../client/engine/wasm/wasm-engine.ts";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import { randomBatch, randomState } from "../numerics/random-graph.ts";

const starter = nodeEnvironment().threads!;
const graph = resnet18({ width: 4, classes: 10 });
const layout = stateLayout(graph);
const model = { graph, layout, teacher: randomState(layout, 1), normGroupSize: 2 };
const student = randomState(layout, 2);
const batch = randomBatch(graph, 6, 3);
const settings = { learningRate: 0.01, momentum: 0.9, weightDecay: 5e-4, temperature: 2 };

const ENGINE = new URL("../../../../client/engine/", import.meta.url);
const NODE_ENVIRONMENT = new URL("opening/node-environment.ts", ENGINE).href;
const WASM_ENGINE = new URL("wasm/wasm-engine.ts", ENGINE).href;

async function withEngine<T>(
  options: WasmEngineOptions,
  use: (engine: Engine) => Promise<T>,
): Promise<T> {
  const engine = await openWasmEngine(options);
  try {
    return await use(engine);
  } finally {
    await engine.close();
  }
}

/** Two steps of a ResNet-18 of width 4 on three norm groups. */
function trained(options: WasmEngineOptions): Promise<SessionReading> {
  return withEngine(options, async (engine) => {
    const session = engine.openSession(model);
    session.load(student);
    await session.step(batch, settings);
    await session.step(batch, settings);
    return session.read();
  });
}

function evaluated(options: WasmEngineOptions): Promise<Float32Array> {
  return withEngine(options, (engine) => engine.openSession(model).logits("teacher", batch));
}

describe("the WebAssembly engine", () => {
  it("gives the same bits for any number of threads and any pieces of a batch", async () => {
    const alone = await trained({ threads: 1 });
    expect(alone.results).toHaveLength(2);
    expect(await trained({ starter, threads: 2 })).toEqual(alone);
    expect(await trained({ starter, threads: 3 })).toEqual(alone);
    // One norm group at a time.
    expect(await trained({ threads: 1, arenaBytes: 1 })).toEqual(alone);
  });

  it("evaluates images to the same bits however many it takes at once", async () => {
    expect(await evaluated({ arenaBytes: 1 })).toEqual(await evaluated({}));
  });

  it("leaves the thread to whatever else waits with everything that computes", async () => {
    const delta = new Float32Array(32 * 32 * 3);
    const answers = new Float32Array(6 * 10).fill(0.1);
    const { learningRate: _rate, momentum: _momentum, ...gradient } = settings;
    const computing: Record<string, (session: Session) => Promise<unknown>> = {
      step: (session) => session.step(batch, settings),
      superviseStep: (session) => session.superviseStep(batch, answers, settings),
      gradient: (session) => session.gradient(batch, gradient),
      logits: (session) => session.logits("teacher", batch),
      "logits of the student": (session) => session.logits("student", batch),
      trainingLogits: (session) => session.trainingLogits(batch),
      perturbedLogits: (session) => session.perturbedLogits("teacher", batch, delta),
      "perturbedLogits with a gradient": (session) =>
        session.perturbedLogits("teacher", batch, delta, answers),
      channelStatistics: (session) => session.channelStatistics(batch),
    };
    await withEngine({ threads: 1 }, async (engine) => {
      const session = engine.openSession(model);
      session.load(student);
      for (const [name, compute] of Object.entries(computing)) {
        let heard = false;
        const { port1, port2 } = new MessageChannel();
        port1.addEventListener("message", () => (heard = true));
        port1.start();
        port2.postMessage("stop");
        await compute(session);
        port1.close();
        expect(heard, name).toBe(true);
      }
    });
  });

  it("tells how many threads it has, and why it has no more", async () => {
    await withEngine({ starter, threads: 3 }, async ({ adapter, backend }) => {
      expect(backend).toBe("wasm");
      expect(adapter).toMatch(/^WebAssembly SIMD.*, 3 threads$/);
    });
    await withEngine({ threads: 3 }, async ({ adapter }) => {
      expect(adapter).toMatch(/, 1 thread$/);
    });
    const barred: ThreadStarter = {
      cores: 2,
      start: () => {
        throw new Error("the page's policy forbids workers");
      },
    };
    await withEngine({ starter: barred }, async (engine) => {
      expect(engine.adapter).toMatch(/, 1 thread \(.*the page's policy forbids workers\)$/);
      const logits = await engine.openSession(model).logits("teacher", batch);
      expect(logits.every(Number.isFinite)).toBe(true);
    });
  });

  it("throws EngineError once a thread has failed", async () => {
    const failing: ThreadStarter = {
      cores: 2,
      start: () => {
        const thread = starter.start();
        return {
          ...thread,
          post: (message) => {
            const order = message as { readonly kind: string };
            // A program that the thread does not have.
            thread.post(order.kind === "run" ? { ...order, program: -1 } : order);
          },
        };
      },
    };
    await withEngine({ starter: failing, threads: 2 }, async (engine) => {
      const session = engine.openSession(model);
      session.load(student);
      const untilFailure = async (): Promise<void> => {
        for (let i = 0; i < 1000; i++) await session.step(batch, settings);
      };
      const failure = await untilFailure().catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(EngineError);
      expect(failure).toMatchObject({ code: "device-failed" });
      await expect(session.step(batch, settings)).rejects.toThrow(EngineError);
    });
  });

  it("throws EngineError once a thread is gone", async () => {
    const ends: ((reason: string) => void)[] = [];
    const mortal: ThreadStarter = {
      cores: 2,
      start: () => {
        const thread = starter.start();
        const listen: typeof thread.listen = (onMessage, onFailure) => {
          ends.push(onFailure);
          thread.listen(onMessage, onFailure);
        };
        return { ...thread, listen };
      },
    };
    await withEngine({ starter: mortal, threads: 2 }, async (engine) => {
      const session = engine.openSession(model);
      session.load(student);
      await session.step(batch, settings);
      ends[0]!("it ended with code 9");
      const step = session.step(batch, settings);
      await expect(step).rejects.toMatchObject({ code: "device-failed" });
      await expect(step).rejects.toThrow("it ended with code 9");
    });
  });

  it("tells how long each kernel took", async () => {
    const kinds = new Set<string>();
    const onKernel = ({ kind, flops }: { kind: string; flops: number }): void => {
      if (flops > 0) kinds.add(kind);
    };
    await withEngine({ onKernel }, async (engine) => {
      const session = engine.openSession(model);
      session.load(student);
      await session.step(batch, settings);
    });
    expect([...kinds]).toEqual(
      expect.arrayContaining(["convolve", "input-gradient", "filter-gradient", "loss"]),
    );
  });

  it("refuses work once closed", async () => {
    const engine = await openWasmEngine();
    const session = engine.openSession(model);
    session.close();
    session.close();
    expect(() => session.load(student)).toThrow(EngineError);
    await expect(session.logits("teacher", batch)).rejects.toMatchObject({ code: "closed" });
    await engine.close();
    expect(() => engine.openSession(model)).toThrow(EngineError);
  });

  it("does not keep a process alive", async () => {
    const script = `
      Promise.all([import("${NODE_ENVIRONMENT}"), import("${WASM_ENGINE}")])
        .then(([{ nodeEnvironment }, { openWasmEngine }]) =>
          openWasmEngine({ starter: nodeEnvironment().threads, threads: 3 }))
        .then(({ adapter }) => console.log(adapter));
    `;
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, ["-e", script]);
    expect(stdout).toContain("3 threads");
  });
});
