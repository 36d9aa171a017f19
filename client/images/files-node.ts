import { open, readdir, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UnreadableError, type ImageSource, type UnreadablePlace } from "./found-image.ts";
import { isHidden } from "./hidden-names.ts";

/** A place in the file system. Names need not be text: bytes name it then. */
type Path = string | Buffer;

/**
 * A file on disk.
 *
 * @param name for people
 */
export function fileSource(path: Path, name: string, size: number, label?: number): ImageSource {
  return {
    name,
    size,
    read: (offset, length) => readFrom(path, offset, Math.max(0, Math.min(length, size - offset))),
    beside: async (other) => {
      const place = besideOf(path, other);
      const found = await stat(place).catch(() => undefined);
      return found?.isFile() === true ? fileSource(place, other, found.size) : undefined;
    },
    ...(label === undefined ? {} : { label }),
  };
}

async function readFrom(path: Path, offset: number, length: number): Promise<Uint8Array> {
  try {
    const file = await open(path);
    try {
      const buffer = new Uint8Array(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await file.read(buffer, filled, length - filled, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return buffer.subarray(0, filled);
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new UnreadableError(whyUnreadable(cause), { cause });
  }
}

/**
 * Files below a folder in order of their names (by code unit, so alike on every machine), and what of it
 * cannot be read.
 *
 * @param prefix of their names, for people
 * @param label class of all of them
 */
export async function* folderSources(
  root: string,
  prefix = "",
  label?: number,
): AsyncGenerator<ImageSource | UnreadablePlace> {
  // A link back to a folder above must not be followed for ever.
  const visited = new Set<string>();
  async function* below(
    folder: Path,
    within: string,
  ): AsyncGenerator<ImageSource | UnreadablePlace> {
    let names: readonly Entry[];
    try {
      const real = (await realpath(folder, "buffer")).toString("latin1");
      if (visited.has(real)) return;
      visited.add(real);
      names = await entriesOf(folder);
    } catch (cause) {
      yield { name: within === "" ? root : within, problem: whyUnreadable(cause) };
      return;
    }
    for (const { name, path } of names) {
      if (isHidden(name)) continue;
      try {
        const found = await stat(path);
        if (found.isDirectory()) yield* below(path, `${within}${name}/`);
        else if (found.isFile()) yield fileSource(path, within + name, found.size, label);
        else yield { name: within + name, problem: "neither a file nor a folder" };
      } catch (cause) {
        yield { name: within + name, problem: whyUnreadable(cause) };
      }
    }
  }
  yield* below(root, prefix);
}

interface Entry {
  readonly name: string;
  readonly path: Path;
}

/** In order of their names; bytes that are no text stand as replacement characters in them. */
async function entriesOf(folder: Path): Promise<readonly Entry[]> {
  const names = await readdir(folder, { encoding: "buffer" });
  const entries = names.map((bytes) => {
    const name = bytes.toString();
    const isText = Buffer.from(name).equals(bytes);
    return {
      name,
      path: isText && typeof folder === "string" ? join(folder, name) : joined(folder, bytes),
    };
  });
  return entries.sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
}

function joined(folder: Path, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(folder), Buffer.from("/"), name]);
}

function besideOf(path: Path, name: string): Path {
  if (typeof path === "string") return join(dirname(path), name);
  return joined(path.subarray(0, path.lastIndexOf("/")), Buffer.from(name));
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "may not be read: permission is denied",
  EPERM: "may not be read: permission is denied",
  ENOENT: "is not there: a link that leads nowhere, or a file that was removed",
  ELOOP: "is a link that leads to itself",
  ENOTDIR: "is not there: a link that leads nowhere",
  ENAMETOOLONG: "has a name that is too long",
  EIO: "cannot be read: the disk reports an error",
};

/** For people, without the path: many files often have the same. */
function whyUnreadable(cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : undefined;
  if (code === undefined) throw cause;
  return REASONS[code] ?? `cannot be read (${code})`;
}
