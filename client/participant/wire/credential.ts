import { ProtocolError } from "../../../protocol/errors.ts";
import type { RenewReply, RenewRequest } from "../../../protocol/round/access.ts";
import { renewalBytes } from "../../../protocol/round/signing.ts";
import type { Identity } from "./identity.ts";
import { signBytes } from "./signing-key.ts";

export interface CredentialOptions {
  readonly identity: Identity;
  readonly ask: (request: RenewRequest, signal: AbortSignal) => Promise<RenewReply>;
  /** Keeps the identity with its new credential. */
  readonly save: (identity: Identity) => Promise<void>;
}

/** Tries a renewal gets: once more where the coordinator names another time than it did before. */
const TRIES = 2;

/** A participant's bearer token, which lives for a day and is renewed with its key (SPEC A6). */
export class Credential {
  readonly #options: CredentialOptions;
  #identity: Identity;
  #renewing: Promise<void> | undefined;

  constructor(options: CredentialOptions) {
    this.#options = options;
    this.#identity = options.identity;
  }

  get identity(): Identity {
    return this.#identity;
  }

  get token(): string {
    return this.#identity.credential;
  }

  /**
   * Gets a new token; calls at the same time get one together.
   *
   * @param time the coordinator's, which the refusal of the old token told, ms since the epoch
   * @throws ProtocolError when the coordinator does not renew it.
   */
  renew(time: number, signal: AbortSignal): Promise<void> {
    this.#renewing ??= this.#renew(time, signal).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #renew(told: number, signal: AbortSignal): Promise<void> {
    const { ask, save } = this.#options;
    const { campaign, key, participant } = this.#identity;
    if (key === undefined) return;
    let time = told;
    for (let tries = 1; ; tries++) {
      const signature = await signBytes(key, renewalBytes({ campaign, participant, time }));
      try {
        const { credential } = await ask({ campaign, participant, time, signature }, signal);
        this.#identity = { ...this.#identity, credential };
        break;
      } catch (error) {
        const other = error instanceof ProtocolError ? error.extensions["time"] : undefined;
        if (typeof other !== "number" || tries === TRIES) throw error;
        time = other;
      }
    }
    await save(this.#identity);
  }
}
