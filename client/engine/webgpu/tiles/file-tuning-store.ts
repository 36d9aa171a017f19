import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { TuningStore } from "./tuning-store.ts";

/**
 * Keeps measured choices in a JSON file. What cannot be read or written is measured again: a cache
 * is no reason to fail.
 */
export class FileTuningStore implements TuningStore {
  readonly #file: string;
  #values: Promise<Record<string, string>> | undefined;
  #written: Promise<void> = Promise.resolve();

  /** @param file made when first needed, its folder too. */
  constructor(file: string) {
    this.#file = file;
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.#load())[key];
  }

  async set(key: string, value: string): Promise<void> {
    const values = await this.#load();
    values[key] = value;
    this.#written = this.#written.then(() => this.#write(values)).catch(() => undefined);
    await this.#written;
  }

  #load(): Promise<Record<string, string>> {
    return (this.#values ??= readValues(this.#file));
  }

  /** Whole or not at all: another process may be reading. */
  async #write(values: Record<string, string>): Promise<void> {
    await mkdir(dirname(this.#file), { recursive: true });
    const draft = `${this.#file}.${process.pid}`;
    await writeFile(draft, JSON.stringify(values, undefined, 1));
    await rename(draft, this.#file);
  }
}

async function readValues(file: string): Promise<Record<string, string>> {
  try {
    const found: unknown = JSON.parse(await readFile(file, "utf8"));
    if (typeof found !== "object" || found === null) return {};
    const entries = Object.entries(found).filter(([, value]) => typeof value === "string");
    return Object.fromEntries(entries) as Record<string, string>;
  } catch {
    return {};
  }
}
