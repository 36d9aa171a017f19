import { expect } from "vitest";
import type { Engine } from "../../../../client/engine/engine.ts";
import { nodeEnvironment } from "../../../../client/engine/opening/node-environment.ts";
import { openWasmEngine } from "../../../../client/engine/wasm/wasm-engine.ts";
import { expectOutcome } from "../numerics/closeness.ts";
import { decidableCase } from "../numerics/decidable-case.ts";
import { onEngine } from "../numerics/numeric-case.ts";
import { graphAt, type Place, type Sizes } from "../numerics/places.ts";
import { gradientScenario } from "../numerics/scenarios.ts";

/** Engines whose results must be the same bits: one thread, two, and a norm group at a time. */
export class EnginesAlike {
  readonly #engines: Engine[] = [];

  async open(): Promise<void> {
    const starter = nodeEnvironment().threads!;
    this.#engines.push(
      await openWasmEngine({ threads: 1 }),
      await openWasmEngine({ starter, threads: 2 }),
      await openWasmEngine({ threads: 1, arenaBytes: 1 }),
    );
  }

  async close(): Promise<void> {
    for (const engine of this.#engines) await engine.close();
  }

  /** Fails unless all give the reference's logits and gradient, to the bit alike. */
  async compare(place: Place, drawn: Sizes): Promise<void> {
    const [groupSize, groups] = drawn.norm;
    const scenario = gradientScenario(groupSize * groups);
    const network = graphAt(place, drawn);
    const { drawn: at, expected } = await decidableCase(network, groupSize, drawn.seed, scenario);
    const [alone, ...others] = this.#engines;
    const outcome = await onEngine(alone!, at, scenario);
    expectOutcome(at, outcome, expected);
    for (const engine of others) {
      expect(await onEngine(engine, at, scenario)).toEqual(outcome);
    }
  }
}
