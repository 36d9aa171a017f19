import type { Precision } from "../program/operands.ts";
import { fieldLength, gridOf, imageLengthOf, MOST_NODES } from "../host/warp-field.ts";
import type { Device } from "./device/device.ts";
import { copiesIn, type StepRequest } from "../step/request.ts";
import { resultsOf, type DeviceResult } from "./device-result.ts";
import {
  NO_SETTINGS,
  type Answer,
  type DeviceReading,
  type Question,
  type SettingsOfWork,
  type Work,
} from "./device-work.ts";
import { Dispatcher } from "./dispatcher.ts";
import { optimizerOf, type ModelContext } from "./executable.ts";
import type { MemoryBudget } from "./plan-passes.ts";
import type { Pace } from "./device/pace.ts";
import { lossScaleOf } from "./loss-scale.ts";
import { patternAt, perturbationAt } from "./places-on-shelf.ts";
import type { SafePoint } from "./replay-log.ts";
import { SessionMemory } from "./session-memory.ts";
import { OVERFLOWS_AT, RESULTS_LENGTH, RING } from "./wgsl/results.ts";

/** The entry that is no step's, for the flag of evaluations. */
const NO_STEP = RING;

type Floats = Float32Array<ArrayBuffer>;

/** Steps the device may have before it: one at work, one waiting. */
const MOST_IN_FLIGHT = 2;

/** A session on one device, for as long as the device lives. */
export class DeviceSession {
  readonly device: Device;
  readonly #memory: SessionMemory;
  readonly #context: ModelContext;
  readonly #dispatcher: Dispatcher;
  #inFlight: Promise<void>[] = [];
  /** Nodes along a side of the field behind the universal δ; 0 without one. */
  #grid = 0;
  /** What a model to inspect was last, unless a measurement has overwritten some of it. */
  #inspected: Floats | undefined;

  constructor(
    device: Device,
    context: ModelContext,
    teacher: Float32Array<ArrayBuffer>,
    budget: MemoryBudget,
    pace: Pace,
  ) {
    this.device = device;
    this.#context = context;
    this.#memory = new SessionMemory(device, {
      student: context.layout.length,
      trainable: context.layout.trainableLength,
      teacher: teacher.length,
      perturbationAt: perturbationAt(context.layout, optimizerOf(context)),
      perturbation: this.#imageLength + fieldLength(MOST_NODES),
      pattern: this.#imageLength,
    });
    this.#memory.write(this.#memory.teacher, teacher);
    this.#dispatcher = new Dispatcher(device, this.#memory, context, budget, pace);
  }

  /** Puts a student on the device, at rest or in motion; without a perturbation it is zero. */
  load({ student, velocity, perturbation }: SafePoint): void {
    const { gpu } = this.device;
    const encoder = gpu.createCommandEncoder();
    encoder.clearBuffer(this.#memory.gradient);
    encoder.clearBuffer(this.#memory.velocity);
    this.device.submit(encoder.finish());
    this.#memory.write(this.#memory.student, student);
    if (velocity) this.#memory.write(this.#memory.velocity, velocity);
    this.#grid = 0;
    if (perturbation) this.#writePerturbation(perturbation);
  }

  /**
   * Runs a step or gradient; its result goes to an entry of the ring. Resolves when the device can
   * take the next.
   */
  async run(work: Work, slot: number): Promise<void> {
    const { request, settings, cropPadding, restart, field, pattern } = work;
    const executable = await this.#dispatcher.executable(request);
    this.#memory.writeInput(work.words(executable.input));
    this.#writeSettings(request, settings, cropPadding, slot);
    if (restart) this.#writePerturbation(restart);
    if (pattern) this.#writePattern(pattern);
    this.#bringField(request.adversary?.copies.warpGrid);
    if (field) this.#writeField(field);
    if (this.#precision === "f16") this.#memory.clearOverflow(slot);
    const waited = this.#inFlight.at(-1);
    const group = this.#dispatcher.bindGroup(request, executable, undefined);
    const done = this.#dispatcher.submitMeasured(executable, group, waited, (encoder) => {
      if (request.finish === "decay") this.#takeGradient(encoder);
    });
    this.#inFlight.push(done);
    if (this.#inFlight.length >= MOST_IN_FLIGHT) await this.#inFlight.shift();
  }

  /** The gradient of the last `run` that finished by `decay`. */
  async readGradient(
    slot: number,
  ): Promise<{ gradient: Float32Array<ArrayBuffer>; result: DeviceResult }> {
    const values = await this.#map(4 * this.#gradientReadLength);
    const { trainableLength } = this.#context.layout;
    const results = resultsOf(values.subarray(trainableLength));
    return { gradient: values.slice(0, trainableLength), result: results[slot]! };
  }

  /** What `parts` there are to know, in one transfer. */
  async read(parts: {
    readonly velocity: boolean;
    readonly perturbation: boolean;
  }): Promise<DeviceReading> {
    const { student, velocity, results } = this.#memory;
    const { length } = this.#context.layout;
    const place = this.#perturbationAt;
    const values = await this.#copyAndMap([
      { buffer: student, offset: 0, length },
      { buffer: results, offset: 0, length: RESULTS_LENGTH },
      { buffer: velocity, offset: 0, length: parts.velocity ? place : 0 },
      {
        buffer: velocity,
        offset: place,
        length: parts.perturbation ? this.#imageLength + fieldLength(this.#grid) : 0,
      },
    ]);
    const [ofStudent, ofResults, ofVelocity, ofPerturbation] = values as [Floats, ...Floats[]];
    return {
      student: ofStudent,
      results: resultsOf(ofResults!),
      velocity: parts.velocity ? ofVelocity : undefined,
      perturbation: parts.perturbation ? ofPerturbation : undefined,
    };
  }

  async readResults(): Promise<readonly DeviceResult[]> {
    const { results: buffer } = this.#memory;
    const [words] = await this.#copyAndMap([{ buffer, offset: 0, length: RESULTS_LENGTH }]);
    return resultsOf(words!);
  }

  /** What the program's models answer. */
  async ask({ request, cropPadding, words, standIn }: Question): Promise<Answer> {
    const executable = await this.#dispatcher.executable(request);
    const memory = this.#memory;
    memory.writeInput(words(executable.input));
    this.#writeSettings(request, NO_SETTINGS, cropPadding, NO_STEP);
    if (this.#precision === "f16") memory.clearOverflow(NO_STEP);
    if (standIn) this.#writeStandIn(standIn);
    if (request.mode === "measure") this.#inspected = undefined;
    const group = this.#dispatcher.bindGroup(request, executable, standIn?.name);
    const { ascent } = executable;
    const logitsLength = request.size * this.#context.graph.classes;
    const gradientLength = ascent === undefined ? 0 : this.#imageLength;
    const { layout } = this.#context;
    const measures = request.mode === "measure";
    const statisticsLength = measures ? layout.length - layout.trainableLength : 0;
    const bytes = 4 * (logitsLength + 1 + gradientLength + statisticsLength);
    const readback = memory.readback(bytes);
    let copied = 0;
    executable.microBatches.forEach(({ program: { logits } }, index) => {
      this.#dispatcher.submit(executable.phases[index]!, group, (encoder) => {
        const copy = (buffer: GPUBuffer, offset: number, length: number): void => {
          encoder.copyBufferToBuffer(buffer, 4 * offset, readback, 4 * copied, 4 * length);
          copied += length;
        };
        copy(memory.arena, logits.offset, logits.length);
        if (copied < logitsLength) return;
        copy(memory.results, OVERFLOWS_AT + NO_STEP, 1);
        if (ascent !== undefined) copy(memory.arena, ascent, gradientLength);
        if (measures) {
          copy(memory.standIn("inspected"), layout.trainableLength, statisticsLength);
        }
      });
    });
    const values = await this.#map(bytes);
    const scale = lossScaleOf(this.#precision, 1);
    const rest = values.subarray(logitsLength + 1);
    const gradient = rest.subarray(0, gradientLength).map((value) => value / scale);
    return {
      logits: values.subarray(0, logitsLength),
      overflowed: values[logitsLength] !== 0,
      gradient: ascent === undefined ? undefined : gradient,
      statistics: measures ? rest.slice(gradientLength) : undefined,
    };
  }

  /** Most norm groups that a batch was worked through by at once. */
  groupsAtOnce(): Promise<number> {
    return this.#dispatcher.groupsAtOnce();
  }

  destroy(): void {
    this.#memory.destroy();
  }

  /** Behind what the optimiser keeps. */
  get #perturbationAt(): number {
    return perturbationAt(this.#context.layout, optimizerOf(this.#context));
  }

  get #precision(): Precision {
    return this.#context.precision ?? "f32";
  }

  get #gradientReadLength(): number {
    return this.#context.layout.trainableLength + RESULTS_LENGTH;
  }

  #writeSettings(
    request: StepRequest,
    { copyWeight, ...settings }: SettingsOfWork,
    cropPadding: number,
    slot: number,
  ): void {
    const scale = lossScaleOf(this.#precision, request.size);
    const copies = copiesIn(request);
    this.#memory.writeSettings({
      ...settings,
      cropPadding,
      slot,
      share: scale / request.size,
      copyShare: copies === 0 ? 0 : (scale * copyWeight) / copies,
      ascentShare: lossScaleOf(this.#precision, 1),
    });
  }

  #writePerturbation(values: Float32Array<ArrayBuffer>): void {
    this.#memory.write(this.#memory.velocity, values, this.#perturbationAt);
    this.#grid = gridOf(values.length, this.#context.graph.inputShape)!;
  }

  /** Searches ask about the same model image after image: once there, it stays. */
  #writeStandIn({ name, values }: NonNullable<Question["standIn"]>): void {
    if (name === "inspected") {
      if (this.#inspected === values) return;
      this.#inspected = values;
    }
    this.#memory.write(this.#memory.standIn(name), values);
  }

  #writePattern(values: Float32Array<ArrayBuffer>): void {
    const { layout, graph } = this.#context;
    const at = patternAt(layout, optimizerOf(this.#context), graph.inputShape);
    this.#memory.write(this.#memory.velocity, values, at);
  }

  /** A field of another grid, or none yet, begins at zero. */
  #bringField(grid: number | undefined): void {
    if (grid === undefined || grid === this.#grid) return;
    this.#writeField(new Float32Array(fieldLength(grid)));
    this.#grid = grid;
  }

  #writeField(values: Float32Array<ArrayBuffer>): void {
    const at = this.#perturbationAt + this.#imageLength;
    this.#memory.write(this.#memory.velocity, values, at);
  }

  /** H·W·C */
  get #imageLength(): number {
    return imageLengthOf(this.#context.graph.inputShape);
  }

  /** Copies the gradient where `readGradient` finds it, and makes room for the next. */
  #takeGradient(encoder: GPUCommandEncoder): void {
    const { gradient, results } = this.#memory;
    const { trainableLength } = this.#context.layout;
    const readback = this.#memory.readback(4 * this.#gradientReadLength);
    encoder.copyBufferToBuffer(gradient, 0, readback, 0, 4 * trainableLength);
    encoder.copyBufferToBuffer(results, 0, readback, 4 * trainableLength, 4 * RESULTS_LENGTH);
    encoder.clearBuffer(gradient);
  }

  /** Pieces of buffers, each by itself. */
  async #copyAndMap(
    wanted: readonly { buffer: GPUBuffer; offset: number; length: number }[],
  ): Promise<Floats[]> {
    const total = wanted.reduce((sum, { length }) => sum + length, 0);
    const readback = this.#memory.readback(4 * total);
    const encoder = this.device.gpu.createCommandEncoder();
    let copied = 0;
    for (const { buffer, offset, length } of wanted) {
      encoder.copyBufferToBuffer(buffer, 4 * offset, readback, 4 * copied, 4 * length);
      copied += length;
    }
    this.device.submit(encoder.finish());
    const values = await this.#map(4 * total);
    let from = 0;
    return wanted.map(({ length }) => values.slice(from, (from += length)));
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
}
