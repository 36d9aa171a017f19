import { ProtocolError } from "../errors.ts";
import type { NetworkQuestion, NetworkSettings } from "./network-settings.ts";

/** What a family asks and tensors do not tell. */
export interface Question<T> {
  /** What holds unless something else is said; without it an answer is required. */
  readonly usual?: T;
  /** The answers that this family can take; any, when left out. */
  readonly choices?: readonly T[];
  /** Those that are tried on images to see which is right; the choices when left out. */
  readonly tried?: readonly T[];
  /** What is asked, for messages: `whether a max-pool stands behind the 3×3 stem`. */
  readonly asks: string;
}

/** Where a refusal that asks a question says which answers can be tried on images: `NetworkSettings[]`. */
export const TRY = "try";

/** The questions that were asked of a network, and their answers. */
export class Answers {
  readonly #given: NetworkSettings;
  #answers: NetworkSettings = {};
  readonly #assumed: NetworkQuestion[] = [];
  readonly #tried: NetworkSettings[] = [];
  #problem: ProtocolError | undefined;

  /** @param given what was said of the network, asked for or not */
  constructor(given: NetworkSettings) {
    this.#given = given;
  }

  /** Where there is no answer and must be one, or it cannot be taken, that is the problem. */
  ask<Key extends NetworkQuestion>(
    key: Key,
    { asks, choices, tried = choices ?? [], usual }: Question<NonNullable<NetworkSettings[Key]>>,
  ): NonNullable<NetworkSettings[Key]> {
    const given = this.#given[key] as NonNullable<NetworkSettings[Key]> | undefined;
    const listed = choices?.join(", ") ?? "any";
    if (given === undefined) {
      if (usual !== undefined) this.#assumed.push(key);
      else {
        this.#fail(
          `tensors do not tell ${asks}: say it with the setting network.${key} (one of ${listed})`,
          tried.map((answer) => ({ [key]: answer })),
        );
      }
    } else if (choices !== undefined && !choices.includes(given)) {
      this.#fail(`network.${key} is ${given}, and ${asks} is one of ${listed} here`);
    }
    const answer = given ?? usual ?? choices![0]!;
    this.#answers = { ...this.#answers, [key]: answer };
    for (const other of tried) if (other !== answer) this.#tried.push({ [key]: other });
    return answer;
  }

  /** All that were asked, answered. */
  get network(): NetworkSettings {
    return this.#answers;
  }

  /** Those of them that nobody answered. */
  get assumed(): readonly NetworkQuestion[] {
    return this.#assumed;
  }

  /** Other answers to one question each that images may show to be right. */
  get others(): readonly NetworkSettings[] {
    return this.#tried;
  }

  /** What is wrong with what was said: also an answer to what nobody asked. */
  get problem(): ProtocolError | undefined {
    const unasked = (Object.keys(this.#given) as NetworkQuestion[]).find(
      (key) => this.#given[key] !== undefined && !(key in this.#answers),
    );
    if (unasked !== undefined) {
      this.#fail(`network.${unasked} is nothing that can be chosen here: leave it out`);
    }
    return this.#problem;
  }

  #fail(detail: string, tried: readonly NetworkSettings[] = []): void {
    const extensions = tried.length === 0 ? {} : { [TRY]: tried };
    this.#problem ??= new ProtocolError("malformed-request", detail, extensions);
  }
}
