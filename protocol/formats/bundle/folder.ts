import { ProtocolError } from "../../errors.ts";
import { readBytes, type ByteSource } from "../byte-source.ts";
import { decodeUtf8 } from "../strict-text.ts";

/** The files of a model that has several, wherever they lie. */
export interface Folder {
  /** Files that lie in the folder itself. */
  readonly names: readonly string[];
  /**
   * A file by its path within the folder, parts divided by `/`; undefined where there is none.
   *
   * @throws ProtocolError `malformed-model` for what is there and cannot be taken.
   */
  open(path: string): ByteSource | undefined | Promise<ByteSource | undefined>;
}

/** Longest JSON that is read of a folder. */
const MOST_JSON_BYTES = 16 * 2 ** 20;

/** Most files that a model may have. */
export const MOST_FILES = 4096;

/** What is wrong with a model of several files. */
export function badFolder(detail: string): ProtocolError {
  return new ProtocolError("malformed-model", detail);
}

/** Whether a path leads to something within the folder, on every system. */
export function staysInside(path: string): boolean {
  const parts = path.split("/");
  return (
    !/[\\:\0]/.test(path) && parts.every((part) => part !== "" && part !== "." && part !== "..")
  );
}

/**
 * A file that another one names.
 *
 * @param named which file names it, for messages
 * @throws ProtocolError `malformed-model` when it is not there, or the path leaves the folder.
 */
export async function openNamed(folder: Folder, path: string, named: string): Promise<ByteSource> {
  if (!staysInside(path)) {
    throw badFolder(
      `'${named}' names the file '${path}', which lies outside its folder: nothing outside is read`,
    );
  }
  const source = await folder.open(path);
  if (source === undefined) {
    throw badFolder(
      `the file '${path}' is missing, which '${named}' names: fetch all files of the model`,
    );
  }
  return source;
}

export type Json = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A JSON file and what it says. */
export interface JsonFile {
  readonly bytes: Uint8Array;
  readonly text: string;
  readonly content: Json;
}

/**
 * Reads a file that must hold a JSON object.
 *
 * @throws ProtocolError `malformed-model`.
 */
export async function readJson(folder: Folder, name: string): Promise<JsonFile> {
  const source = await openNamed(folder, name, name);
  if (source.totalBytes > MOST_JSON_BYTES) {
    throw badFolder(
      `'${name}' has ${source.totalBytes} bytes, at most ${MOST_JSON_BYTES} are read of it`,
    );
  }
  const bytes = await readBytes(source, 0, source.totalBytes);
  let text: string;
  let content: unknown;
  try {
    text = decodeUtf8(bytes);
    content = JSON.parse(text);
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new ProtocolError("malformed-model", `'${name}' is not JSON: ${detail}`, {}, { cause });
  }
  if (!isObject(content)) throw badFolder(`'${name}' does not hold a JSON object`);
  return { bytes, text, content };
}
