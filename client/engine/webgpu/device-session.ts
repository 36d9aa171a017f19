import type { StepResult } from "../engine.ts";
import type { Device } from "./device.ts";
import {
  buildExecutable,
  type Executable,
  type ExecutableRequest,
  type ModelContext,
} from "./executable.ts";
import type { InputLayout } from "./input-layout.ts";
import type { MemoryBudget } from "./micro-batches.ts";
import type { Pace } from "./pace.ts";
import { RING, SessionMemory, type DeviceSettings } from "./session-memory.ts";
import { RESULT_LENGTH } from "./wgsl/loss.ts";

/** Steps the device may have before it: one at work, one waiting. */
const MOST_IN_FLIGHT = 2;

/** One call that changes the student, as the device needs it; can be run again. */
export interface Work extends ExecutableRequest {
  readonly cropPadding: number;
  readonly settings: Omit<DeviceSettings, "share" | "slot" | "cropPadding">;
  /** Packs the batch; the same words each time. */
  words(layout: InputLayout): Float32Array<ArrayBuffer>;
}

export interface DeviceReading {
  /** In device layout. */
  readonly student: Float32Array<ArrayBuffer>;
  readonly velocity: Float32Array<ArrayBuffer> | undefined;
  /** Of each entry of the ring: Σ loss and the number of images that agree. */
  readonly results: readonly StepResult[];
}

/** A session on one device, for as long as the device lives. */
export class DeviceSession {
  readonly device: Device;
  readonly #memory: SessionMemory;
  readonly #context: ModelContext;
  readonly #budget: MemoryBudget;
  readonly #pace: Pace;
  readonly #executables = new Map<string, Promise<Executable>>();
  readonly #bindGroups = new Map<string, { version: number; group: GPUBindGroup }>();
  #inFlight: Promise<void>[] = [];

  constructor(
    device: Device,
    context: ModelContext,
    teacher: Float32Array<ArrayBuffer>,
    budget: MemoryBudget,
    pace: Pace,
  ) {
    this.device = device;
    this.#context = context;
    this.#budget = budget;
    this.#pace = pace;
    const { length: student, trainableLength: trainable } = context.layout;
    this.#memory = new SessionMemory(device, { student, trainable, teacher: teacher.length });
    this.#memory.write(this.#memory.teacher, teacher);
  }

  /** Puts a student on the device, at rest or in motion. */
  load(student: Float32Array<ArrayBuffer>, velocity: Float32Array<ArrayBuffer> | undefined): void {
    const { gpu } = this.device;
    const encoder = gpu.createCommandEncoder();
    encoder.clearBuffer(this.#memory.gradient);
    encoder.clearBuffer(this.#memory.velocity);
    this.device.submit(encoder.finish());
    this.#memory.write(this.#memory.student, student);
    if (velocity) this.#memory.write(this.#memory.velocity, velocity);
  }

  /**
   * Runs a step or gradient; its result goes to an entry of the ring. Resolves when the device can
   * take the next.
   */
  async run(work: Work, slot: number): Promise<void> {
    const executable = await this.#executable(work);
    const { settings, cropPadding, size } = work;
    this.#memory.writeInput(work.words(executable.input));
    this.#memory.writeSettings({ ...settings, cropPadding, share: 1 / size, slot });
    const costs = executable.phases.flat().map(({ cost }) => cost);
    const started = performance.now();
    const waited = this.#inFlight.at(-1);
    const group = this.#bindGroup(work, executable, this.#memory.teacher);
    const dispatches = executable.phases.flat();
    let from = 0;
    for (const end of this.#pace.cut(costs)) {
      const encoder = this.device.gpu.createCommandEncoder();
      this.#encode(encoder, dispatches.slice(from, end), group);
      from = end;
      if (end === dispatches.length && work.finish === "decay") this.#takeGradient(encoder);
      this.device.submit(encoder.finish());
    }
    const done = this.#measure(
      costs.reduce((sum, cost) => sum + cost, 0),
      started,
      waited,
    );
    this.#inFlight.push(done);
    if (this.#inFlight.length >= MOST_IN_FLIGHT) await this.#inFlight.shift();
  }

  /** The gradient of the last `run` that finished by `decay`. */
  async readGradient(
    slot: number,
  ): Promise<{ gradient: Float32Array<ArrayBuffer>; result: StepResult }> {
    const values = await this.#map(4 * this.#gradientReadLength);
    const { trainableLength } = this.#context.layout;
    const results = this.#resultsOf(values.subarray(trainableLength));
    return { gradient: values.slice(0, trainableLength), result: results[slot]! };
  }

  /** What `parts` there are to know, in one transfer. */
  async read(parts: { readonly velocity: boolean }): Promise<DeviceReading> {
    const { student, velocity, results } = this.#memory;
    const { length, trainableLength } = this.#context.layout;
    const wanted: [GPUBuffer, number][] = [
      [student, length],
      [results, RING * RESULT_LENGTH],
      ...(parts.velocity ? [[velocity, trainableLength] as [GPUBuffer, number]] : []),
    ];
    const values = await this.#copyAndMap(wanted);
    const ringEnd = length + RING * RESULT_LENGTH;
    return {
      student: values.slice(0, length),
      results: this.#resultsOf(values.subarray(length, ringEnd)),
      velocity: parts.velocity ? values.slice(ringEnd) : undefined,
    };
  }

  async readResults(): Promise<readonly StepResult[]> {
    const values = await this.#copyAndMap([[this.#memory.results, RING * RESULT_LENGTH]]);
    return this.#resultsOf(values);
  }

  /**
   * Logits `[N, classes]` of the program's model.
   *
   * @param model values of another model in the teacher's place
   */
  async logits(
    request: ExecutableRequest,
    model: Float32Array<ArrayBuffer> | undefined,
    cropPadding: number,
    words: (layout: InputLayout) => Float32Array<ArrayBuffer>,
  ): Promise<Float32Array> {
    const executable = await this.#executable(request);
    const memory = this.#memory;
    memory.writeInput(words(executable.input));
    const settings = { learningRate: 0, momentum: 0, weightDecay: 0, temperature: 1 };
    memory.writeSettings({ ...settings, cropPadding, share: 1, slot: 0 });
    const teacher = model ? memory.evaluated() : memory.teacher;
    if (model) memory.write(teacher, model);
    const group = this.#bindGroup(request, executable, teacher);
    const bytes = 4 * request.size * this.#context.graph.classes;
    const readback = memory.readback(bytes);
    let copied = 0;
    executable.microBatches.forEach(({ program: { logits } }, index) => {
      const dispatches = executable.phases[index]!;
      let from = 0;
      for (const end of this.#pace.cut(dispatches.map(({ cost }) => cost))) {
        const encoder = this.device.gpu.createCommandEncoder();
        this.#encode(encoder, dispatches.slice(from, end), group);
        from = end;
        if (end === dispatches.length) {
          const length = 4 * logits.length;
          encoder.copyBufferToBuffer(memory.arena, 4 * logits.offset, readback, copied, length);
          copied += length;
        }
        this.device.submit(encoder.finish());
      }
    });
    return this.#map(bytes);
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

  destroy(): void {
    this.#memory.destroy();
  }

  get #gradientReadLength(): number {
    return this.#context.layout.trainableLength + RING * RESULT_LENGTH;
  }

  #executable(request: ExecutableRequest): Promise<Executable> {
    const key = keyOf(request);
    const known = this.#executables.get(key);
    if (known) return known;
    const built = buildExecutable(this.device, this.#memory, this.#context, request, this.#budget);
    this.#executables.set(key, built);
    // A failure is told to whoever asked, and tried again by the next.
    built.catch(() => this.#executables.delete(key));
    return built;
  }

  #bindGroup(request: ExecutableRequest, { places }: Executable, teacher: GPUBuffer): GPUBindGroup {
    const key = `${keyOf(request)} ${teacher === this.#memory.teacher}`;
    const { version } = this.#memory;
    const known = this.#bindGroups.get(key);
    if (known?.version === version) return known.group;
    const group = this.#memory.bindGroup(places, teacher);
    this.#bindGroups.set(key, { version, group });
    return group;
  }

  #encode(
    encoder: GPUCommandEncoder,
    dispatches: Executable["phases"][number],
    group: GPUBindGroup,
  ): void {
    const pass = encoder.beginComputePass();
    for (const { pipeline, places, workgroups } of dispatches) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group, [places]);
      pass.dispatchWorkgroups(...workgroups);
    }
    pass.end();
    this.device.counters.dispatches += dispatches.length;
  }

  /** Copies the gradient where `readGradient` finds it, and makes room for the next. */
  #takeGradient(encoder: GPUCommandEncoder): void {
    const { gradient, results } = this.#memory;
    const { trainableLength } = this.#context.layout;
    const readback = this.#memory.readback(4 * this.#gradientReadLength);
    encoder.copyBufferToBuffer(gradient, 0, readback, 0, 4 * trainableLength);
    const ring = 4 * RING * RESULT_LENGTH;
    encoder.copyBufferToBuffer(results, 0, readback, 4 * trainableLength, ring);
    encoder.clearBuffer(gradient);
  }

  async #copyAndMap(
    wanted: readonly (readonly [GPUBuffer, floats: number])[],
  ): Promise<Float32Array<ArrayBuffer>> {
    const total = wanted.reduce((sum, [, floats]) => sum + 4 * floats, 0);
    const readback = this.#memory.readback(total);
    const encoder = this.device.gpu.createCommandEncoder();
    let offset = 0;
    for (const [buffer, floats] of wanted) {
      encoder.copyBufferToBuffer(buffer, 0, readback, offset, 4 * floats);
      offset += 4 * floats;
    }
    this.device.submit(encoder.finish());
    return this.#map(total);
  }

  /** The first bytes of the readback, copied. */
  async #map(bytes: number): Promise<Float32Array<ArrayBuffer>> {
    const readback = this.#memory.readback(bytes);
    this.device.counters.maps++;
    // GPUMapMode.READ, whose global Node lacks.
    await readback.mapAsync(1, 0, Math.ceil(bytes / 8) * 8);
    const values = new Float32Array(readback.getMappedRange(0, Math.ceil(bytes / 8) * 8)).slice();
    readback.unmap();
    this.#inFlight = [];
    this.device.requireSound();
    return values.subarray(0, bytes / 4);
  }

  async #measure(work: number, started: number, before: Promise<void> | undefined): Promise<void> {
    let from = started;
    void before?.then(() => (from = Math.max(from, performance.now())));
    await this.device.settled();
    if (this.device.lost === undefined) this.#pace.measured(work, performance.now() - from);
  }

  #resultsOf(values: Float32Array): StepResult[] {
    return Array.from({ length: RING }, (_, slot) => ({
      loss: values[slot * RESULT_LENGTH]!,
      agreement: values[slot * RESULT_LENGTH + 1]!,
    }));
  }
}

function keyOf({ mode, size, groupSize, input, finish }: ExecutableRequest): string {
  return [mode, size, groupSize, input, finish].join();
}
