import { RandomStream, STREAM_SEED_BYTES } from "../../protocol/random/random-stream.ts";
import type { Session } from "../engine/engine.ts";
import { placedValues } from "../engine/step/place-images.ts";
import { plainBatch } from "./normalise.ts";
import {
  askTeacher,
  evenly,
  largest,
  type AnsweredImages,
  type ImagePool,
  type ScoreHooks,
} from "./teacher-answers.ts";

/** What a look at pictures before training found. */
export interface Screening {
  /** Pictures that one small part of theirs leads to a class in the teacher; by index, ascending. */
  readonly setAside: Uint32Array;
  /** The class that it leads to; null where nothing was found. */
  readonly class: number | null;
}

/** A square of a picture, pixels. */
interface Part {
  readonly top: number;
  readonly left: number;
  readonly side: number;
}

/** Pictures that are looked at first; all others only once something is found among these. */
const SAMPLE = 512;

/** Pictures that one is mixed with: who keeps its answer through all of them is looked at closely. */
const MIXED_WITH = 6;

/** Mixed with others they keep their answer: of a class so many must, and so many of these are looked at. */
const LEAST_STUBBORN = 4;
const MOST_STUBBORN = 12;

/**
 * Pictures that a part is put on, and how many of these it must lead for the part to be what leads. On clean
 * drawn pictures 3 of 4 found something in one pool of two, 7 of 8 in none of eight; a patch leads nearly all.
 */
const HOSTS = 8;
const LED = 7;
const TRIED_FIRST = 2;

/** Pictures of noise that are drawn to find as many hosts among. */
const NOISE = 32;

/** A part has a quarter of a picture's side, and is sought at every eighth of it. */
const PART = 4;
const STRIDE = 8;

/**
 * Looks whether pictures bear one small thing that leads the teacher, without labels and before anything is
 * trained (SPEC D12). Who keeps its answer when mixed with others (STRIP; Gao et al., ACSAC 2019) may bear
 * it; where one square of such pictures, put on others, leads these there too (SentiNet; Chou et al. 2020),
 * it is what leads, and all pictures whose square does so bear it.
 *
 * @example
 * const { setAside } = await new PictureScreen(session, pool).find({ signal });
 */
export class PictureScreen {
  readonly #session: Session;
  readonly #pool: ImagePool;
  #seen: AnsweredImages | undefined;
  #found: Screening | undefined;

  constructor(session: Session, pool: ImagePool) {
    this.#session = session;
    this.#pool = pool;
  }

  /** @throws EngineError from the session; the signal's reason when it aborts. */
  async find(hooks: ScoreHooks = {}): Promise<Screening> {
    return (this.#found ??= await this.#look(hooks));
  }

  async #look(hooks: ScoreHooks): Promise<Screening> {
    const nothing = { setAside: new Uint32Array(0), class: null };
    const indices = evenly(this.#pool.indices, SAMPLE);
    if (indices.length < LEAST_STUBBORN + HOSTS) return nothing;
    const seen = (this.#seen ??= await askTeacher(
      this.#session,
      { ...this.#pool, indices },
      hooks,
    ));
    const stubborn = Map.groupBy(await this.#stubborn(seen, hooks), (row) => seen.answers[row]!);
    const classes = [...stubborn].sort(
      ([a, rows], [b, others]) => others.length - rows.length || a - b,
    );
    for (const [label, rows] of classes) {
      if (rows.length < LEAST_STUBBORN) continue;
      const hosts = await this.#hosts(seen, label, hooks);
      if (hosts === undefined) continue;
      const part = await this.#leadingPart(seen, rows.slice(0, MOST_STUBBORN), label, hosts, hooks);
      if (part === undefined) continue;
      return { class: label, setAside: await this.#bearing(part, label, hosts, hooks) };
    }
    return nothing;
  }

  /** Rows that keep the teacher's answer whatever they are mixed with, of those with other answers. */
  async #stubborn(seen: AnsweredImages, hooks: ScoreHooks): Promise<readonly number[]> {
    const count = seen.indices.length;
    let left = [...seen.answers.keys()];
    for (let turn = 1; turn <= MIXED_WITH; turn++) {
      const pairs = left.map((row): readonly [number, number] => {
        // Another one each turn, and one with another answer where there is any.
        for (let step = turn * 37; step < turn * 37 + count; step++) {
          const other = (row + step) % count;
          if (seen.answers[other] !== seen.answers[row]) return [row, other];
        }
        return [row, (row + turn) % count];
      });
      const answers = await this.#answers(pairs.length, hooks, async (from, to) => {
        const rows = pairs.slice(from, to);
        const own = await this.#values(
          seen,
          rows.map(([row]) => row),
        );
        const others = await this.#values(
          seen,
          rows.map(([, other]) => other),
        );
        return own.map((value, i) => (value + others[i]!) / 2);
      });
      left = left.filter((row, i) => answers[i] === seen.answers[row]);
      hooks.onPass?.(turn, MIXED_WITH + 2);
    }
    return left;
  }

  /** Pictures with other answers, `[HOSTS, H, W, C]`; noise where there are too few of them. */
  async #hosts(
    seen: AnsweredImages,
    label: number,
    hooks: ScoreHooks,
  ): Promise<Float32Array | undefined> {
    const rows = [...seen.answers.keys()].filter((row) => seen.answers[row] !== label);
    if (rows.length >= HOSTS) {
      const step = Math.floor(rows.length / HOSTS);
      return await this.#values(
        seen,
        Array.from({ length: HOSTS }, (_, i) => rows[i * step]!),
      );
    }
    const random = new RandomStream(new Uint8Array(STREAM_SEED_BYTES));
    const noise = Float32Array.from(
      { length: NOISE * seen.values },
      () => 2 * random.uniform() - 1,
    );
    const answers = await this.#answers(NOISE, hooks, (from, to) =>
      Promise.resolve(noise.subarray(from * seen.values, to * seen.values)),
    );
    const others = [...answers.keys()].filter((row) => answers[row] !== label).slice(0, HOSTS);
    if (others.length < HOSTS) return undefined;
    const hosts = new Float32Array(HOSTS * seen.values);
    for (const [host, row] of others.entries()) {
      hosts.set(noise.subarray(row * seen.values, (row + 1) * seen.values), host * seen.values);
    }
    return hosts;
  }

  /** The square that leads hosts to the class, at the same place of several pictures. */
  async #leadingPart(
    seen: AnsweredImages,
    rows: readonly number[],
    label: number,
    hosts: Float32Array,
    hooks: ScoreHooks,
  ): Promise<Part | undefined> {
    const parts = partsOf(this.#pool.images);
    const led = parts.map(() => 0);
    for (const row of rows) {
      const picture = await this.#values(seen, [row]);
      for (const [i, part] of parts.entries()) {
        if (await this.#leads(picture, part, label, hosts, hooks)) led[i]!++;
      }
    }
    const most = Math.max(...led);
    hooks.onPass?.(MIXED_WITH + 1, MIXED_WITH + 2);
    return most >= LEAST_STUBBORN ? parts[led.indexOf(most)] : undefined;
  }

  /** All of the pool's pictures whose square leads hosts to the class. */
  async #bearing(
    part: Part,
    label: number,
    hosts: Float32Array,
    hooks: ScoreHooks,
  ): Promise<Uint32Array> {
    const all = await askTeacher(this.#session, this.#pool, hooks);
    const bearing: number[] = [];
    for (const [row, index] of all.indices.entries()) {
      if (all.answers[row] !== label) continue;
      const picture = await this.#values(all, [row]);
      if (await this.#leads(picture, part, label, hosts, hooks)) bearing.push(index);
    }
    hooks.onPass?.(MIXED_WITH + 2, MIXED_WITH + 2);
    return Uint32Array.from(bearing).sort();
  }

  async #leads(
    picture: Float32Array,
    part: Part,
    label: number,
    hosts: Float32Array,
    hooks: ScoreHooks,
  ): Promise<boolean> {
    const values = hosts.slice();
    const { channels, width } = this.#pool.images;
    const size = picture.length;
    for (let host = 0; host < HOSTS; host++) {
      for (let y = part.top; y < part.top + part.side; y++) {
        const from = (y * width + part.left) * channels;
        values.set(picture.subarray(from, from + part.side * channels), host * size + from);
      }
    }
    let led = 0;
    // What leads neither of two does not lead seven of eight.
    for (const [from, to] of [
      [0, TRIED_FIRST],
      [TRIED_FIRST, HOSTS],
    ] as const) {
      const answers = await this.#answers(to - from, hooks, (first, end) =>
        Promise.resolve(values.subarray((from + first) * size, (from + end) * size)),
      );
      led += answers.filter((answer) => answer === label).length;
      if (led === 0) return false;
    }
    return led >= LED;
  }

  async #answers(
    count: number,
    { beforeBatch, signal }: ScoreHooks,
    batch: (from: number, to: number) => Promise<Float32Array>,
  ): Promise<number[]> {
    const answers: number[] = [];
    for (let from = 0; from < count; from += this.#pool.batchSize) {
      await beforeBatch?.();
      signal?.throwIfAborted();
      const to = Math.min(from + this.#pool.batchSize, count);
      answers.push(...(await this.#ask(await batch(from, to), to - from)));
    }
    return answers;
  }

  async #ask(values: Float32Array, size: number): Promise<number[]> {
    const logits = await this.#session.logits("teacher", { values, size });
    const classes = logits.length / size;
    return Array.from({ length: size }, (_, row) =>
      largest(logits.subarray(row * classes, (row + 1) * classes)),
    );
  }

  /** `[rows, H, W, C]`, normalised. */
  async #values(seen: AnsweredImages, rows: readonly number[]): Promise<Float32Array> {
    const { images, normalisation } = this.#pool;
    const indices = rows.map((row) => seen.indices[row]!);
    return placedValues(await plainBatch(images, indices, normalisation), images);
  }
}

function partsOf({ height, width }: ImagePool["images"]): readonly Part[] {
  const shorter = Math.min(height, width);
  const side = Math.max(1, Math.floor(shorter / PART));
  const stride = Math.max(1, Math.floor(shorter / STRIDE));
  const places = (length: number): number[] => {
    const last = length - side;
    const at = Array.from({ length: Math.floor(last / stride) + 1 }, (_, i) => i * stride);
    return at.at(-1) === last ? at : [...at, last];
  };
  return places(height).flatMap((top) => places(width).map((left) => ({ top, left, side })));
}
