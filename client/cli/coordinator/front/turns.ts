interface Waiter {
  begin: ((end: () => void) => void) | undefined;
}

/** So many at once; whoever comes later stands in line, first come first served. */
export class Turns {
  readonly #atOnce: number;
  readonly #line: Waiter[] = [];
  #taken = 0;

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /**
   * Waits for a turn.
   *
   * @param begin is called when it has come, with what ends it.
   * @returns leaves the line; does nothing once the turn has come.
   */
  take(begin: (end: () => void) => void): () => void {
    const waiter: Waiter = { begin };
    this.#line.push(waiter);
    this.#advance();
    return () => {
      waiter.begin = undefined;
    };
  }

  #advance(): void {
    while (this.#taken < this.#atOnce) {
      const waiter = this.#line.shift();
      if (waiter === undefined) return;
      const { begin } = waiter;
      waiter.begin = undefined;
      if (begin === undefined) continue;
      this.#taken++;
      let isOver = false;
      begin(() => {
        if (isOver) return;
        isOver = true;
        this.#taken--;
        this.#advance();
      });
    }
  }
}
