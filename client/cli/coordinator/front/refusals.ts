import type { FrontLimits } from "./limits.ts";
import { RecentAddresses } from "./recent-addresses.ts";
import { Tally } from "./tally.ts";

interface History {
  readonly count: number;
  readonly lastAt: number;
}

const MINUTE_MS = 60_000;

/**
 * Logins that the Worker refused: says so in the log, a few lines a minute and a sum, and makes
 * whoever goes on guessing wait longer and longer for the answer. Nothing but the refused answer is
 * held back, so a right token is never delayed, not even one from the same address.
 */
export class Refusals {
  readonly #limits: FrontLimits;
  readonly #report: (line: string) => void;
  readonly #histories: RecentAddresses<History>;
  readonly #held: Tally;
  #minute: { lines: number; unsaid: number; addresses: Set<string> } | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: FrontLimits, report: (line: string) => void) {
    this.#limits = limits;
    this.#report = report;
    this.#histories = new RecentAddresses(limits.addresses);
    this.#held = new Tally(limits.held, limits.heldPerAddress);
  }

  /**
   * Notes a refused login.
   *
   * @param what method and path, checked before: they go into the log
   * @returns for how long to hold the answer back, ms, and what to call once it is sent; undefined
   *   when too many are held already, so that it is to be answered at once and without its content.
   */
  note(
    address: string,
    what: string,
    now: number,
  ): { readonly holdMs: number; readonly release: () => void } | undefined {
    this.#log(address, what);
    const before = this.#histories.get(address);
    const isForgotten = before === undefined || now - before.lastAt > this.#limits.refusalMemoryMs;
    const count = isForgotten ? 1 : before.count + 1;
    this.#histories.set(address, { count, lastAt: now });
    const holdMs = holdOf(count, this.#limits);
    if (holdMs === 0) return { holdMs, release: () => {} };
    const release = this.#held.enter(address);
    return release && { holdMs, release };
  }

  #log(address: string, what: string): void {
    this.#minute ??= this.#beginMinute();
    if (this.#minute.lines < this.#limits.refusalLines && !this.#minute.addresses.has(address)) {
      this.#minute.lines++;
      this.#report(`Refused login from ${address}: ${what}`);
    } else this.#minute.unsaid++;
    if (this.#minute.addresses.size < this.#limits.addresses) this.#minute.addresses.add(address);
  }

  #beginMinute() {
    this.#timer = setTimeout(() => this.flush(), MINUTE_MS);
    this.#timer.unref();
    return { lines: 0, unsaid: 0, addresses: new Set<string>() };
  }

  /** Says the sum of what was not said singly. */
  flush(): void {
    clearTimeout(this.#timer);
    const { unsaid = 0, addresses = new Set() } = this.#minute ?? {};
    this.#minute = undefined;
    if (unsaid === 0) return;
    const from =
      addresses.size === 1 ? `from ${[...addresses][0]}` : `of ${addresses.size} addresses`;
    this.#report(`Refused ${unsaid} more logins within a minute, ${from}.`);
  }
}

/** How long the answer to an address' so-many-th refused login is held back, ms. */
export function holdOf(
  count: number,
  limits: Pick<FrontLimits, "promptRefusals" | "firstHoldMs" | "longestHoldMs">,
): number {
  const beyond = count - limits.promptRefusals;
  if (beyond <= 0) return 0;
  return Math.min(limits.longestHoldMs, limits.firstHoldMs * 2 ** Math.min(30, beyond - 1));
}
