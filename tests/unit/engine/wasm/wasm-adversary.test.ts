import { describe, expect, it } from "vitest";
import { ascend } from "../../../../client/engine/host/host-ascent.ts";
import { nodeEnvironment } from "../../../../client/engine/opening/node-environment.ts";
import {
  openWasmEngine,
  type WasmEngineOptions,
} from "../../../../client/engine/wasm/wasm-engine.ts";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import {
  ADVERSARIES,
  adversaryScenario,
  perturbedScenario,
} from "../numerics/adversary-scenarios.ts";
import { drawCase, onEngine, type Outcome } from "../numerics/numeric-case.ts";
import { ReferencePerturbation } from "../numerics/reference-adversary.ts";
import "../numerics/to-be-allclose.ts";

const starter = nodeEnvironment().threads!;
const graph = resnet18({ width: 4, classes: 10 });
/** Norm groups of two images, of which one or both get a copy. */
const drawn = drawCase({ graph, layout: stateLayout(graph) }, 2, 7);

/** Every kind of adversary on three norm groups, one after the other in one session. */
async function outcomes(options: WasmEngineOptions): Promise<Outcome[]> {
  const engine = await openWasmEngine(options);
  const scenarios = [
    ...ADVERSARIES.map((kind) => adversaryScenario(kind, 6)),
    perturbedScenario(5),
  ];
  const found = await onEngine(engine, drawn, async (session) => {
    const all: Outcome[] = [];
    for (const scenario of scenarios) {
      session.load(drawn.student);
      all.push(await scenario(session, drawn));
    }
    return all;
  });
  await engine.close();
  return found;
}

describe("an adversary on the WebAssembly engine", () => {
  it("gives the same bits for any number of threads and any pieces of a batch", async () => {
    const alone = await outcomes({ threads: 1 });
    expect(alone).toHaveLength(ADVERSARIES.length + 1);
    expect(await outcomes({ starter, threads: 2 })).toEqual(alone);
    // One norm group, or one image, at a time.
    expect(await outcomes({ threads: 1, arenaBytes: 1 })).toEqual(alone);
  });
});

describe("an ascent on the host", () => {
  const delta = Float32Array.of(0.5, -0.25, 0, 0.5, 0.1, -0.9);
  const gradients = Float32Array.of(1e-20, -3e-20, 2e-20, 0, 0, 0);

  it.each(["l2", "linf"] as const)("is the reference's, image by image: %s", (norm) => {
    for (const radius of [0.3, 0.6, 5]) {
      const settings = { norm, radius, stepLength: 0.5 };
      const moved = delta.slice();
      ascend(moved, gradients, 3, settings);
      const expected = new ReferencePerturbation().ascend(
        Float64Array.from(delta),
        Float64Array.from(gradients),
        3,
        settings,
      );
      expect(moved).toBeAllclose(expected, { rtol: 1e-6, atol: 0 });
    }
  });
});
