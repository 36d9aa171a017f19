/** Reason of the abort when a participant is stopped. */
export class StoppedSignal extends Error {
  override readonly name = "StoppedSignal";
}

/**
 * What a person may ask of a running participant: pause and resume between steps, leave after this
 * round, stop now.
 */
export class Controls {
  readonly #stop = new AbortController();
  readonly #changed: () => void;
  #resumed: PromiseWithResolvers<void> | undefined;
  #finishing = false;

  /** @param changed called after every change, so that a waiting loop looks again. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  get paused(): boolean {
    return this.#resumed !== undefined;
  }

  get finishing(): boolean {
    return this.#finishing;
  }

  pause(): void {
    this.#resumed ??= Promise.withResolvers<void>();
    this.#changed();
  }

  resume(): void {
    this.#resumed?.resolve();
    this.#resumed = undefined;
    this.#changed();
  }

  finishRound(): void {
    this.#finishing = true;
    this.resume();
  }

  stop(): void {
    this.#stop.abort(new StoppedSignal("the participant was stopped"));
    this.resume();
  }

  /** Resolves once not paused. @throws StoppedSignal when stopped. */
  async gate(): Promise<void> {
    while (this.#resumed !== undefined) await this.#resumed.promise;
    this.signal.throwIfAborted();
  }
}
