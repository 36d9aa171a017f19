import { RecentAddresses } from "./recent-addresses.ts";

interface Bucket {
  readonly tokens: number;
  /** ms */
  readonly filledAt: number;
}

interface Rate {
  readonly perSecond: number;
  readonly atOnce: number;
}

/**
 * Requests without a token of ours that may reach the Worker: a token bucket an address, and one of
 * all together. Whoever has a token is not counted.
 */
export class StrangerQuota {
  readonly #perAddress: Rate;
  readonly #inAll: Rate;
  readonly #buckets: RecentAddresses<Bucket>;
  #common: Bucket | undefined;

  constructor(perAddress: Rate, inAll: Rate, addresses: number) {
    this.#perAddress = perAddress;
    this.#inAll = inAll;
    this.#buckets = new RecentAddresses(addresses);
  }

  /** Whether one more request is permitted at this moment, ms; takes it if so. */
  take(address: string, now: number): boolean {
    const own = filled(this.#buckets.get(address), this.#perAddress, now);
    const common = filled(this.#common, this.#inAll, now);
    const isPermitted = own.tokens >= 1 && common.tokens >= 1;
    const cost = isPermitted ? 1 : 0;
    this.#buckets.set(address, { ...own, tokens: own.tokens - cost });
    this.#common = { ...common, tokens: common.tokens - cost };
    return isPermitted;
  }
}

function filled(bucket: Bucket | undefined, { perSecond, atOnce }: Rate, now: number): Bucket {
  if (bucket === undefined) return { tokens: atOnce, filledAt: now };
  const refill = (Math.max(0, now - bucket.filledAt) * perSecond) / 1000;
  return { tokens: Math.min(atOnce, bucket.tokens + refill), filledAt: now };
}
