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
  readonly #leave = new AbortController();
  readonly #changed: () => void;
  #resumed: PromiseWithResolvers<void> | undefined;

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

  /** Aborts as soon as the participant is to leave, now or after the round: for what no round needs. */
  get leaving(): AbortSignal {
    return this.#leave.signal;
  }

  get finishing(): boolean {
    return this.leaving.aborted;
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
    this.#leave.abort(new StoppedSignal("the participant is to leave"));
    this.resume();
  }

  stop(): void {
    const reason = new StoppedSignal("the participant was stopped");
    this.#stop.abort(reason);
    this.#leave.abort(reason);
    this.resume();
  }

  /** Resolves once not paused. @throws StoppedSignal when stopped. */
  async gate(): Promise<void> {
    while (this.#resumed !== undefined) await this.#resumed.promise;
    this.signal.throwIfAborted();
  }
}
