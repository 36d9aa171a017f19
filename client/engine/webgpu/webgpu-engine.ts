import type { Engine, PlannedStep, Session, SessionOptions } from "../engine.ts";
import { EngineError } from "../engine-error.ts";
import { describeAdapter } from "./device/adapter.ts";
import { openDevice, zeroCounters, type Device, type WebgpuCounters } from "./device/device.ts";
import { DeviceSession } from "./device-session.ts";
import { Pace } from "./device/pace.ts";
import type { Program } from "../program/program.ts";
import type { Precision } from "../program/operands.ts";
import { Tuner } from "./tiles/tuner.ts";
import type { TuningStore } from "./tiles/tuning-store.ts";
import { requireGpuRoom } from "./require-room.ts";
import { WebgpuSession } from "./session.ts";
import { defaultTiles, type Tiles } from "./tiles/tiles.ts";

export interface WebgpuEngineOptions {
  /** Whether an adapter emulated on the CPU will do. */
  readonly software: boolean;
  /**
   * Milliseconds a submit should take at most, so that a visible page stays alive; 100 when left
   * out. Changes no bit of any result.
   */
  readonly submitBudgetMs?: number;
  /** Bytes of activations at once; what the adapter can bind when left out. */
  readonly memoryLimit?: number;
  /** How matrix products are cut; by the kind of adapter when left out. */
  readonly tiles?: Tiles | undefined;
  /** How activations are stored; f32 when left out. Halves need no feature of the adapter. */
  readonly precision?: Precision | undefined;
  /**
   * Keeps what was measured of tiles; nothing is measured when left out, nor on an adapter in
   * software, unless `tuneSoftware`.
   */
  readonly tuning?: TuningStore | undefined;
  readonly tuneSoftware?: boolean;
}

const SUBMIT_BUDGET_MS = 100;

/**
 * Our own kernels on the GPU. The device belongs to the engine; when it is lost, another one takes
 * its place and the sessions go on.
 *
 * @throws EngineError `backend-unavailable` when there is no adapter, or only a software one.
 *
 * @example
 * const engine = await openWebgpuEngine(navigator.gpu, { software: false });
 * const session = engine.openSession({ graph, layout, teacher });
 */
export async function openWebgpuEngine(
  gpu: GPU,
  options: WebgpuEngineOptions,
): Promise<WebgpuEngine> {
  const counters = zeroCounters();
  return new WebgpuEngine(gpu, options, await openDevice(gpu, options.software, counters));
}

export class WebgpuEngine implements Engine {
  readonly backend = "webgpu";
  readonly adapter: string;
  /** Whether the adapter is emulated on the CPU. */
  readonly software: boolean;
  readonly counters: WebgpuCounters;
  readonly #gpu: GPU;
  readonly #options: WebgpuEngineOptions;
  readonly #sessions = new Set<Session>();
  readonly #pace: Pace;
  readonly #tuner: Tuner | undefined;
  #device: Promise<Device>;
  #closed = false;

  constructor(gpu: GPU, options: WebgpuEngineOptions, device: Device) {
    this.#gpu = gpu;
    this.#options = options;
    this.#device = Promise.resolve(device);
    this.#pace = new Pace(options.submitBudgetMs ?? SUBMIT_BUDGET_MS, device.software);
    const tunes = !device.software || options.tuneSoftware === true;
    this.#tuner = tunes && options.tuning ? new Tuner(options.tuning) : undefined;
    const notes = options.precision === "f16" ? ["activations in half precision"] : [];
    this.adapter = describeAdapter(device.info, ...notes);
    this.software = device.software;
    this.counters = device.counters;
  }

  async requireRoom(model: Omit<SessionOptions, "teacher">, step: PlannedStep): Promise<void> {
    const { bytes, tiles } = this.#offered(await this.device());
    requireGpuRoom(model, step, { bytes, tiles, precision: this.#options.precision });
  }

  openSession(options: SessionOptions): Session {
    this.#requireOpen();
    const session = new WebgpuSession(async (teacher, { graph, layout, optimizer }, mostGroups) => {
      const device = await this.device();
      const { bytes, tiles } = this.#offered(device);
      const tuner = this.#tuner;
      const tune = tuner && ((program: Program) => tuner.tilesFor(device, program, tiles));
      const { precision } = this.#options;
      const context = { graph, layout, optimizer, tiles, precision, tune };
      return new DeviceSession(device, context, teacher, { bytes, mostGroups }, this.#pace);
    }, options);
    this.#sessions.add(session);
    return session;
  }

  /** A device that was not lost. */
  async device(): Promise<Device> {
    this.#requireOpen();
    const device = await this.#device;
    if (device.lost === undefined) return device;
    const again = openDevice(this.#gpu, this.#options.software, this.counters);
    this.#device = again;
    // A failure must not be remembered as the device.
    again.catch(() => (this.#device = Promise.resolve(device)));
    return again;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const session of this.#sessions) session.close();
    const device = await this.#device;
    device.gpu.destroy();
    await device.whenLost;
  }

  /** How products are cut on a device, and the bytes that one buffer of it may have. */
  #offered(device: Device): { readonly tiles: Tiles; readonly bytes: number } {
    const { memoryLimit = Infinity, tiles } = this.#options;
    const { maxBufferSize, maxStorageBufferBindingSize } = device.gpu.limits;
    return {
      tiles: tiles ?? defaultTiles(device.software, device.has("subgroups")),
      bytes: Math.min(maxBufferSize, maxStorageBufferBindingSize, memoryLimit),
    };
  }

  #requireOpen(): void {
    if (this.#closed) throw new EngineError("closed", "this engine was closed");
  }
}
