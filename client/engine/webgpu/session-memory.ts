import type { Device } from "./device.ts";
import { RESULT_LENGTH } from "./wgsl/loss.ts";

/** Steps whose results the device keeps; also the longest replay after a loss. */
export const RING = 64;

/** GPUBufferUsage, whose global Node lacks. */
const USAGE = { mapRead: 1, copySource: 4, copyTarget: 8, uniform: 64, storage: 128 } as const;
const STORAGE = USAGE.storage | USAGE.copySource | USAGE.copyTarget;

const SETTINGS_BYTES = 32;

/** Settings of one step as the device sees them. */
export interface DeviceSettings {
  readonly learningRate: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly temperature: number;
  /** 1 over the images of the whole batch. */
  readonly share: number;
  readonly slot: number;
  readonly cropPadding: number;
}

type Growing = "arena" | "input" | "readback" | "evaluated";

/** Those that a bind group holds. */
const BOUND: ReadonlySet<Growing> = new Set(["arena", "input", "evaluated"]);

/** All of a session's buffers on one device. Those that depend on a batch's shape grow on demand. */
export class SessionMemory {
  readonly student: GPUBuffer;
  readonly gradient: GPUBuffer;
  readonly velocity: GPUBuffer;
  readonly teacher: GPUBuffer;
  readonly results: GPUBuffer;
  readonly settings: GPUBuffer;
  readonly #device: Device;
  readonly #growing = new Map<Growing, GPUBuffer>();
  readonly #places: GPUBuffer[] = [];
  /** Changes when bind groups made before are no longer right. */
  version = 0;

  constructor(device: Device, lengths: { student: number; trainable: number; teacher: number }) {
    this.#device = device;
    const make = (label: string, floats: number): GPUBuffer =>
      device.createBuffer(label, 4 * floats, STORAGE);
    this.student = make("student", lengths.student);
    this.gradient = make("gradient", lengths.trainable);
    this.velocity = make("velocity", lengths.trainable);
    this.teacher = make("teacher", lengths.teacher);
    this.results = make("results", RING * RESULT_LENGTH);
    this.settings = device.createBuffer(
      "settings",
      SETTINGS_BYTES,
      USAGE.uniform | USAGE.copyTarget,
    );
    // What a round's end reads, so that it needs no new buffer.
    this.readback(4 * (lengths.student + RING * RESULT_LENGTH + lengths.trainable));
  }

  get arena(): GPUBuffer {
    return this.#growing.get("arena")!;
  }

  /** A second model to evaluate: the student, folded. */
  evaluated(): GPUBuffer {
    return this.#grow("evaluated", this.teacher.size, STORAGE);
  }

  readback(bytes: number): GPUBuffer {
    return this.#grow("readback", bytes, USAGE.mapRead | USAGE.copyTarget);
  }

  /** Makes room for a batch's shape; false when the device has not as much memory. */
  async fit(arenaBytes: number, inputBytes: number): Promise<boolean> {
    this.#device.gpu.pushErrorScope("out-of-memory");
    this.#grow("arena", arenaBytes, STORAGE);
    this.#grow("input", inputBytes, STORAGE);
    const error = await this.#device.gpu.popErrorScope().catch(() => undefined);
    if (error) this.#drop("arena");
    return !error;
  }

  places(values: Uint32Array<ArrayBuffer>): GPUBuffer {
    const usage = USAGE.uniform | USAGE.copyTarget;
    const buffer = this.#device.createBuffer("places", values.byteLength, usage);
    this.#device.gpu.queue.writeBuffer(buffer, 0, values);
    this.#places.push(buffer);
    return buffer;
  }

  bindGroup(places: GPUBuffer, teacher: GPUBuffer): GPUBindGroup {
    const { student, gradient, velocity, results, settings, arena } = this;
    const input = this.#growing.get("input")!;
    return this.#device.createBindGroup({
      arena,
      student,
      gradient,
      teacher,
      velocity,
      input,
      results,
      settings,
      places,
    });
  }

  write(buffer: GPUBuffer, values: Float32Array<ArrayBuffer>): void {
    this.#device.gpu.queue.writeBuffer(buffer, 0, values);
  }

  writeInput(words: Float32Array<ArrayBuffer>): void {
    this.write(this.#growing.get("input")!, words);
  }

  writeSettings(settings: DeviceSettings): void {
    const values = new Float32Array(SETTINGS_BYTES / 4);
    values.set([
      settings.learningRate,
      settings.momentum,
      settings.weightDecay,
      settings.temperature,
      settings.share,
    ]);
    new Uint32Array(values.buffer).set([settings.slot, settings.cropPadding], 5);
    this.write(this.settings, values);
  }

  destroy(): void {
    const { student, gradient, velocity, teacher, results, settings } = this;
    const own = [student, gradient, velocity, teacher, results, settings, ...this.#places];
    for (const buffer of [...own, ...this.#growing.values()]) buffer.destroy();
  }

  #grow(name: Growing, bytes: number, usage: GPUBufferUsageFlags): GPUBuffer {
    const known = this.#growing.get(name);
    if (known && known.size >= bytes) return known;
    this.#drop(name);
    const buffer = this.#device.createBuffer(name, bytes, usage);
    this.#growing.set(name, buffer);
    return buffer;
  }

  #drop(name: Growing): void {
    this.#growing.get(name)?.destroy();
    this.#growing.delete(name);
    if (BOUND.has(name)) this.version++;
  }
}
