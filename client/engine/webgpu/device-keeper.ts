import { EngineError } from "../engine-error.ts";
import type { Device } from "./device/device.ts";
import type { DeviceSession } from "./device-session.ts";
import type { ReplayLog } from "./replay-log.ts";

/** Losses of the device since the last safe point, or answer that needed no replay, after which less is done at once. */
const LOSSES_BEFORE_HALVING = 3;

/** Keeps a device that has done all that a log says; when it is lost, another one does it again. */
export class DeviceKeeper {
  readonly #open: (mostGroups: number) => Promise<DeviceSession>;
  readonly #log: ReplayLog;
  #device: DeviceSession | undefined;
  /** Entries of the log that the device was given; negative: not even the safe point. */
  #applied = 0;
  #losses = 0;
  #mostGroups = Infinity;
  #closed = false;

  /** @param open opens the session's part on a device that works. */
  constructor(open: (mostGroups: number) => Promise<DeviceSession>, log: ReplayLog) {
    this.#open = open;
    this.#log = log;
  }

  /** Entries of the log that the device was given. */
  get applied(): number {
    return this.#applied;
  }

  /** The log begins with another safe point. */
  startAgain(): void {
    this.#losses = 0;
    this.#applied = -1;
  }

  /** The log's safe point has become what the device has now. */
  goOn(): void {
    this.#applied = 0;
    this.#losses = 0;
  }

  /** Does something on a device that has done all that the log says; again when it was lost. */
  async use<T>(what: (device: DeviceSession) => Promise<T>): Promise<T> {
    for (;;) {
      if (this.#closed) throw new EngineError("closed", "this session was closed");
      const device = await this.#upToDate();
      try {
        while (this.#applied < this.#log.length) {
          const { work } = this.#log.entry(this.#applied);
          await device.run(work, this.#applied);
          this.#applied++;
        }
        const result = await what(device);
        if (device.device.lost === undefined) {
          // Questions alone make no safe points, and a search asks thousands.
          if (this.#log.length === 0) this.#losses = 0;
          return result;
        }
      } catch (error) {
        if (error instanceof EngineError || !(await wasLost(device.device))) throw error;
      }
      await this.#countLoss(device);
    }
  }

  close(): void {
    this.#closed = true;
    this.#device?.destroy();
    this.#device = undefined;
  }

  async #upToDate(): Promise<DeviceSession> {
    const stale = this.#device?.device.lost !== undefined;
    if (!this.#device || stale) {
      if (this.#device && stale) await this.#countLoss(this.#device);
      this.#device = await this.#open(this.#mostGroups);
      this.#applied = -1;
    }
    if (this.#applied < 0) {
      const safe = this.#log.safePoint;
      if (safe) this.#device.load(safe);
      this.#applied = 0;
    }
    return this.#device;
  }

  /** Forgets a lost device; after repeated losses, does less at once or gives up. */
  async #countLoss(device: DeviceSession): Promise<void> {
    if (this.#device !== device) return;
    this.#device = undefined;
    this.#losses++;
    if (this.#losses < LOSSES_BEFORE_HALVING) return;
    const groups = await device.groupsAtOnce();
    if (groups === 1) {
      throw new EngineError(
        "device-failed",
        `the GPU was lost ${this.#losses} times in a row (${device.device.lost}); ` +
          "close other programs that use it, or use another backend",
      );
    }
    this.#mostGroups = Math.ceil(groups / 2);
    this.#losses = 0;
  }
}

/** How long a failure may precede the news that the device is gone, which a busy machine brings late. */
const NEWS_OF_LOSS_MS = 10_000;

async function wasLost(device: Device): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, NEWS_OF_LOSS_MS);
  });
  await Promise.race([device.whenLost, patience]);
  clearTimeout(timer);
  return device.lost !== undefined;
}
