import { setTimeout as delay } from "node:timers/promises";
import { killProcess } from "../../../client/cli/coordinator/running-process.ts";
import {
  runtimesOf,
  startCoordinatorProcess,
  type CoordinatorProcess,
} from "./coordinator-process.ts";
import { Random } from "./random.ts";
import { BOUNDS_MS } from "../../patience.ts";

/** Longest time between a coordinator that answers and the next kill, ms. */
const LONGEST_MS = 2500;

/** Kills a coordinator, or its Workers runtime alone, at random moments, and starts it again. */
export class Killer {
  #coordinator: CoordinatorProcess;
  readonly #random: Random;
  readonly kills = { serve: 0, workerd: 0 };

  constructor(coordinator: CoordinatorProcess, seed: string) {
    this.#coordinator = coordinator;
    this.#random = new Random(seed, 0);
  }

  get coordinator(): CoordinatorProcess {
    return this.#coordinator;
  }

  get total(): number {
    return this.kills.serve + this.kills.workerd;
  }

  /** Goes on until there were so many kills in all, or `until` resolves; leaves it running. */
  async rage(most: number, until: Promise<unknown>): Promise<void> {
    let isOver = false;
    void until.finally(() => {
      isOver = true;
    });
    while (this.total < most) {
      await Promise.race([delay(this.#random.int(LONGEST_MS)), until]);
      if (isOver) return;
      if (this.#random.chance(0.5)) await this.#killServe();
      else await this.#killRuntime();
    }
  }

  async #killServe(): Promise<void> {
    const { port, stateDir } = this.#coordinator;
    await this.#coordinator.kill();
    this.kills.serve++;
    this.#coordinator = await startCoordinatorProcess({ stateDir, port });
  }

  async #killRuntime(): Promise<void> {
    const { stateDir, url } = this.#coordinator;
    const running = await runtimesOf(stateDir);
    // Between two runtimes: there is nothing to kill just now.
    if (running.length === 0) return;
    running.forEach(killProcess);
    this.kills.workerd++;
    const giveUpAt = Date.now() + BOUNDS_MS.integration.wait;
    for (;;) {
      const [next] = await runtimesOf(stateDir);
      if (next !== undefined && !running.some(({ pid }) => pid === next.pid)) {
        const response = await fetch(`${url}/api/v1/health`).catch(() => undefined);
        await response?.body?.cancel();
        if (response?.ok === true) return;
      }
      if (Date.now() > giveUpAt) {
        throw new Error(`the runtime did not come back:\n${this.#coordinator.log()}`);
      }
      await delay(50);
    }
  }
}
