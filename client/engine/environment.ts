import type { TuningStore } from "./webgpu/tiles/tuning-store.ts";

/** A thread that was started, to exchange messages with. */
export interface EngineThread {
  post(message: unknown): void;
  /** `onFailure` is told why the thread ended or could not begin; called once at most. */
  listen(onMessage: (message: unknown) => void, onFailure: (reason: string) => void): void;
  stop(): void;
}

/** How threads with shared memory are started. */
export interface ThreadStarter {
  /** Threads that can run at the same time, the calling one included. */
  readonly cores: number;
  /** Starts a thread of the WebAssembly engine. */
  start(): EngineThread;
}

/**
 * What an engine needs from where it runs. The participant is handed one, so that it knows neither
 * the DOM nor Node.
 */
export interface EngineEnvironment {
  /** Undefined: this place has no threads with shared memory. */
  readonly threads?: ThreadStarter | undefined;
  /** Where measured choices of the WebGPU engine are kept; nothing is measured without. */
  readonly tuning?: TuningStore | undefined;
  /**
   * WebGPU's entry point.
   *
   * @throws EngineError `backend-unavailable` saying why there is none.
   */
  gpu(): Promise<GPU>;
}
