import type { Device } from "./device/device.ts";
import { OVERFLOWS_AT, RESULTS_LENGTH } from "./wgsl/results.ts";
import { SETTINGS_BYTES, settingsWords, type DeviceSettings } from "./wgsl/settings.ts";

/** GPUBufferUsage, whose global Node lacks. */
const USAGE = { mapRead: 1, copySource: 4, copyTarget: 8, uniform: 64, storage: 128 } as const;
const STORAGE = USAGE.storage | USAGE.copySource | USAGE.copyTarget;

/** Floats of a session's buffers that no batch decides. */
export interface SessionLengths {
  readonly student: number;
  readonly trainable: number;
  readonly teacher: number;
  /** Where after what the optimiser keeps the universal perturbation is, and how long it may become. */
  readonly perturbationAt: number;
  readonly perturbation: number;
  /** Behind that, what is added to copies besides. */
  readonly pattern: number;
}

/** Bytes a batch's shape needs. */
export interface RoomNeeded {
  readonly arena: number;
  readonly halves: number;
  readonly input: number;
}

type Growing = "arena" | "halves" | "input" | "readback" | StandIn;

/** A model in another's place: in the teacher's one to evaluate, in the student's one to inspect. */
export type StandIn = "evaluated" | "inspected";

/** Those that a bind group holds. */
const BOUND: ReadonlySet<Growing> = new Set(["arena", "halves", "input", "evaluated", "inspected"]);

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

  constructor(device: Device, lengths: SessionLengths) {
    this.#device = device;
    const make = (label: string, floats: number): GPUBuffer =>
      device.createBuffer(label, 4 * floats, STORAGE);
    this.student = make("student", lengths.student);
    this.gradient = make("gradient", lengths.trainable);
    const behind = lengths.perturbation + lengths.pattern;
    this.velocity = make("velocity", lengths.perturbationAt + behind);
    this.teacher = make("teacher", lengths.teacher);
    this.results = make("results", RESULTS_LENGTH);
    this.settings = device.createBuffer(
      "settings",
      SETTINGS_BYTES,
      USAGE.uniform | USAGE.copyTarget,
    );
    // What a round's end reads, so that it needs no new buffer.
    const { student, perturbationAt, perturbation } = lengths;
    this.readback(4 * (student + RESULTS_LENGTH + perturbationAt + perturbation));
  }

  get arena(): GPUBuffer {
    return this.#growing.get("arena")!;
  }

  standIn(name: StandIn): GPUBuffer {
    const { size } = name === "evaluated" ? this.teacher : this.student;
    return this.#grow(name, size, STORAGE);
  }

  readback(bytes: number): GPUBuffer {
    return this.#grow("readback", bytes, USAGE.mapRead | USAGE.copyTarget);
  }

  /** Makes room for a batch's shape; false when the device has not as much memory. */
  async fit({ arena, halves, input }: RoomNeeded): Promise<boolean> {
    this.#device.gpu.pushErrorScope("out-of-memory");
    this.#grow("arena", arena, STORAGE);
    // Every bind group names it; without halves it is as small as a buffer can be.
    this.#grow("halves", Math.max(16, halves), STORAGE);
    this.#grow("input", input, STORAGE);
    const error = await this.#device.gpu.popErrorScope().catch(() => undefined);
    if (error) {
      this.#drop("arena");
      this.#drop("halves");
    }
    return !error;
  }

  places(values: Uint32Array<ArrayBuffer>): GPUBuffer {
    const usage = USAGE.uniform | USAGE.copyTarget;
    const buffer = this.#device.createBuffer("places", values.byteLength, usage);
    this.#device.gpu.queue.writeBuffer(buffer, 0, values);
    this.#places.push(buffer);
    return buffer;
  }

  bindGroup(places: GPUBuffer, standIn: StandIn | undefined): GPUBindGroup {
    const teacher = standIn === "evaluated" ? this.standIn(standIn) : this.teacher;
    const student = standIn === "inspected" ? this.standIn(standIn) : this.student;
    const { gradient, velocity, results, settings, arena } = this;
    const input = this.#growing.get("input")!;
    const halves = this.#growing.get("halves")!;
    return this.#device.createBindGroup({
      arena,
      halves,
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

  /** @param offset floats before what is written. */
  write(buffer: GPUBuffer, values: Float32Array<ArrayBuffer>, offset = 0): void {
    this.#device.gpu.queue.writeBuffer(buffer, 4 * offset, values);
  }

  writeInput(words: Float32Array<ArrayBuffer>): void {
    this.write(this.#growing.get("input")!, words);
  }

  writeSettings(settings: DeviceSettings): void {
    this.write(this.settings, settingsWords(settings));
  }

  /** Forgets that halves overflowed in an entry's step. */
  clearOverflow(slot: number): void {
    this.#device.gpu.queue.writeBuffer(this.results, 4 * (OVERFLOWS_AT + slot), new Uint32Array(1));
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
