import { keyOf, type StepRequest } from "../step/request.ts";
import type { Device } from "./device/device.ts";
import { buildExecutable, type Executable, type ModelContext } from "./executable.ts";
import type { MemoryBudget } from "./plan-passes.ts";
import type { Pace } from "./device/pace.ts";
import type { SessionMemory, StandIn } from "./session-memory.ts";

type Dispatches = Executable["phases"][number];

/** Makes what a session runs on its device, once for each shape, and submits it in bounded pieces. */
export class Dispatcher {
  readonly #device: Device;
  readonly #memory: SessionMemory;
  readonly #context: ModelContext;
  readonly #budget: MemoryBudget;
  readonly #pace: Pace;
  readonly #executables = new Map<string, Promise<Executable>>();
  readonly #bindGroups = new Map<string, { version: number; group: GPUBindGroup }>();

  constructor(
    device: Device,
    memory: SessionMemory,
    context: ModelContext,
    budget: MemoryBudget,
    pace: Pace,
  ) {
    this.#device = device;
    this.#memory = memory;
    this.#context = context;
    this.#budget = budget;
    this.#pace = pace;
  }

  executable(request: StepRequest): Promise<Executable> {
    const key = keyOf(request);
    const known = this.#executables.get(key);
    if (known) return known;
    const built = buildExecutable(this.#device, this.#memory, this.#context, request, this.#budget);
    this.#executables.set(key, built);
    // A failure is told to whoever asked, and tried again by the next.
    built.catch(() => this.#executables.delete(key));
    return built;
  }

  bindGroup(
    request: StepRequest,
    { places }: Executable,
    standIn: StandIn | undefined,
  ): GPUBindGroup {
    const key = `${keyOf(request)} ${standIn}`;
    const { version } = this.#memory;
    const known = this.#bindGroups.get(key);
    if (known?.version === version) return known.group;
    const group = this.#memory.bindGroup(places, standIn);
    this.#bindGroups.set(key, { version, group });
    return group;
  }

  /** @param atEnd encodes what comes after the last dispatch. */
  submit(
    dispatches: Dispatches,
    group: GPUBindGroup,
    atEnd: (encoder: GPUCommandEncoder) => void,
  ): void {
    let from = 0;
    for (const end of this.#pace.cut(dispatches.map(({ cost }) => cost))) {
      const encoder = this.#device.gpu.createCommandEncoder();
      this.#encode(encoder, dispatches.slice(from, end), group);
      from = end;
      if (end === dispatches.length) atEnd(encoder);
      this.#device.submit(encoder.finish());
    }
  }

  /**
   * Submits all phases and learns how long they took, once those before are done.
   *
   * @returns when they are done.
   */
  submitMeasured(
    { phases }: Executable,
    group: GPUBindGroup,
    before: Promise<void> | undefined,
    atEnd: (encoder: GPUCommandEncoder) => void,
  ): Promise<void> {
    const dispatches = phases.flat();
    const started = performance.now();
    this.submit(dispatches, group, atEnd);
    const work = dispatches.reduce((sum, { cost }) => sum + cost, 0);
    return this.#measure(work, started, before);
  }

  /** Most norm groups that a batch was worked through by at once. */
  async groupsAtOnce(): Promise<number> {
    const executables = await Promise.all(this.#executables.values());
    return Math.max(
      1,
      ...executables.flatMap(({ microBatches }) =>
        microBatches.map(({ program }) => program.groups),
      ),
    );
  }

  #encode(encoder: GPUCommandEncoder, dispatches: Dispatches, group: GPUBindGroup): void {
    const pass = encoder.beginComputePass();
    for (const { pipeline, places, workgroups } of dispatches) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group, [places]);
      pass.dispatchWorkgroups(...workgroups);
    }
    pass.end();
    this.#device.counters.dispatches += dispatches.length;
  }

  async #measure(work: number, started: number, before: Promise<void> | undefined): Promise<void> {
    let from = started;
    void before?.then(() => (from = Math.max(from, performance.now())));
    await this.#device.settled();
    if (this.#device.lost === undefined) this.#pace.measured(work, performance.now() - from);
  }
}
