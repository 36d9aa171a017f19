import { Random } from "./random.ts";
import { someCaller } from "./some-caller.ts";
import type { Answer } from "./answer-reader.ts";
import { exchange, type Ending, type Wire } from "./exchange.ts";
import { runtimesOf } from "./coordinator-process.ts";
import { residentMiB } from "./resident-memory.ts";
import { fuzzCase, type FuzzCase, type MutationClass } from "./fuzz-case.ts";
import { bytesOf, type RawRequest } from "./raw-request.ts";
import { servedRoutes } from "./served-routes.ts";
import { smallest } from "./shrink.ts";
import { faultOf } from "./verdict.ts";
import type { World } from "./world.ts";
import { BOUNDS_MS } from "../../patience.ts";

export interface FuzzOptions {
  readonly seed: string;
  /** Cases, numbered from `first`. */
  readonly requests: number;
  readonly first?: number;
  readonly note?: (line: string) => void;
}

/** One thing that went wrong, with the smallest request found that makes it so. */
interface Fault {
  readonly what: string;
  readonly kind: MutationClass;
  readonly times: number;
  /** Number of the case: `--first` of a run that repeats it. */
  readonly index: number;
  readonly request: string;
}

export interface FuzzResult {
  readonly sent: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly faults: readonly Fault[];
  /** Answers 201 to whoever had the administrator's right token and asked for a campaign. */
  readonly campaignsMade: number;
  /** Under which nothing may be stored. */
  readonly forbiddenBlobs: readonly string[];
  /** Cases that were under way when the coordinator ended by itself; empty when it did not. */
  readonly fatal: readonly number[];
  readonly peakMiB: number | undefined;
  readonly seconds: number;
}

/** Connections at a time, and requests sent at once over each where their framing is in order. */
const CONNECTIONS = 6;
const PIPELINED = 8;

/** Sends mutated requests to a coordinator and says what went wrong. */
export async function fuzz(world: World, options: FuzzOptions): Promise<FuzzResult> {
  const { first = 0, note = () => {}, requests, seed } = options;
  const routes = await servedRoutes(world.coordinator.url);
  const tally = new Tally(world, seed);
  const begin = performance.now();
  let next = first;
  const lane = async (): Promise<void> => {
    let waiting: FuzzCase[] = [];
    for (let index = next++; index < first + requests; index = next++) {
      if (world.coordinator.hasEnded()) return;
      const one = await fuzzCase({ seed, index }, routes, world);
      if (one.rough) await tally.alone(one);
      else waiting.push(one);
      if (waiting.length === PIPELINED) {
        await tally.together(waiting);
        waiting = [];
      }
      if (index % 1000 === 999) note(`${index + 1} sent, ${await tally.memory()}`);
    }
    if (waiting.length > 0) await tally.together(waiting);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, lane));
  await tally.memory();
  const seconds = (performance.now() - begin) / 1000;
  return { ...(await tally.result()), seconds };
}

/** What has come of the cases so far. */
class Tally {
  readonly #world: World;
  readonly #seed: string;
  readonly #statuses = new Map<string, number>();
  readonly #faults = new Map<string, { fault: Fault; request: RawRequest; case: FuzzCase }>();
  readonly #forbiddenBlobs: string[] = [];
  readonly #underWay = new Set<number>();
  #fatal: number[] = [];
  #sent = 0;
  #campaignsMade = 0;
  #peakMiB: number | undefined;

  constructor(world: World, seed: string) {
    this.#world = world;
    this.#seed = seed;
  }

  /** Each over a connection of its own, one after another. */
  async alone(one: FuzzCase): Promise<void> {
    for (const request of one.requests) {
      const [ending] = await this.#exchange([one], [request]);
      this.#count(one, request, ending!);
    }
  }

  /** All over one connection; what got no answer there is asked again alone. */
  async together(cases: readonly FuzzCase[]): Promise<void> {
    const requests = cases.map((one) => one.requests[0]!);
    const endings = await this.#exchange(cases, requests);
    for (const [i, one] of cases.entries()) {
      const ending = endings[i]!;
      if (typeof ending === "string") await this.alone(one);
      else this.#count(one, requests[i]!, ending);
    }
  }

  /** Memory of the Workers runtime, as text; its peak is kept. */
  async memory(): Promise<string> {
    const [runtime] = await runtimesOf(this.#world.coordinator.stateDir);
    const mib = runtime && (await residentMiB(runtime.pid));
    if (mib === undefined) return "memory unknown";
    this.#peakMiB = Math.max(this.#peakMiB ?? 0, mib);
    return `workerd ${Math.round(mib)} MiB`;
  }

  async result(): Promise<Omit<FuzzResult, "seconds">> {
    const faults: Fault[] = [];
    for (const { case: one, fault, request } of this.#faults.values()) {
      // A request that is waited for in vain is not tried a dozen times more.
      const quick = /^status|^an? /.test(fault.what) && this.#fatal.length === 0;
      const least = !quick
        ? request
        : await smallest(request, async (smaller) => {
            const [ending] = await exchange([smaller], this.#wire(one));
            return faultOf(smaller, ending!, one.authority) === fault.what;
          });
      faults.push({ ...fault, request: bytesOf(least).toString("latin1") });
    }
    return {
      sent: this.#sent,
      statuses: Object.fromEntries([...this.#statuses].sort()),
      faults,
      campaignsMade: this.#campaignsMade,
      forbiddenBlobs: this.#forbiddenBlobs,
      fatal: this.#fatal,
      peakMiB: this.#peakMiB,
    };
  }

  async #exchange(cases: readonly FuzzCase[], requests: readonly RawRequest[]): Promise<Ending[]> {
    for (const { index } of cases) this.#underWay.add(index);
    const endings = await exchange(requests, this.#wire(cases[0]!));
    if (this.#world.coordinator.hasEnded() && this.#fatal.length === 0) {
      this.#fatal = [...this.#underWay];
    }
    for (const { index } of cases) this.#underWay.delete(index);
    return endings;
  }

  #count(one: FuzzCase, request: RawRequest, ending: Ending): void {
    this.#sent++;
    const status = typeof ending === "string" ? ending : String(ending.status);
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
    if (one.forbiddenBlob !== undefined) this.#forbiddenBlobs.push(one.forbiddenBlob);
    if (typeof ending === "object" && isCampaign(ending)) this.#campaignsMade++;
    const what = faultOf(request, ending, one.authority);
    if (what === undefined) return;
    const key = `${one.kind}: ${what}`;
    const known = this.#faults.get(key);
    const isSmaller =
      known === undefined || bytesOf(request).length < bytesOf(known.request).length;
    const kept = isSmaller ? { request, case: one } : known;
    const times = (known?.fault.times ?? 0) + 1;
    const fault = { what, kind: one.kind, times, index: kept.case.index, request: "" };
    this.#faults.set(key, { ...kept, fault });
  }

  #wire({ index }: FuzzCase): Wire {
    return {
      host: "127.0.0.1",
      port: this.#world.coordinator.port,
      from: someCaller(new Random(`${this.#seed}/callers`, index)),
      patienceMs: BOUNDS_MS.integration.wait,
    };
  }
}

/** Whether a campaign was made: at whatever address, as the answer says. */
function isCampaign({ body, status }: Answer): boolean {
  return status === 201 && body.toString("latin1").startsWith('{"id":"c-');
}
