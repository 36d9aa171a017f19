import { ProtocolError } from "../errors.ts";

/** A file that is read by ranges, wherever it lies. */
export interface ByteSource {
  readonly totalBytes: number;
  /** Bytes [begin, end), within the file. */
  read(begin: number, end: number): Uint8Array | Promise<Uint8Array>;
  /** Takes back all of what one `read` gave, which nobody refers to any more. */
  release?(bytes: Uint8Array): void;
}

/** A file in memory; what is read of it is a view. */
export function bytesInMemory(file: Uint8Array): ByteSource {
  return { totalBytes: file.length, read: (begin, end) => file.subarray(begin, end) };
}

/**
 * Bytes [begin, end) of a file, all of them.
 *
 * @throws ProtocolError `malformed-model` when the source gives fewer: the file is not what it was.
 */
export async function readBytes(
  source: ByteSource,
  begin: number,
  end: number,
): Promise<Uint8Array> {
  const bytes = await source.read(begin, end);
  if (bytes.length === end - begin) return bytes;
  throw new ProtocolError(
    "malformed-model",
    `bytes ${begin} to ${end} of the file were asked for, ${bytes.length} came`,
  );
}

/** Consecutive bytes of a file. */
export interface ByteRun {
  readonly begin: number;
  readonly end: number;
}

/** Runs closer together than this are read in one go, gap and all. */
const MAX_GAP_BYTES = 16 * 1024;

/** Longest reading of several runs: bounds the memory it takes. */
const MAX_READ_BYTES = 2 ** 22;

/** Neighbouring runs that are read in one go. */
function readings<Run extends ByteRun>(runs: readonly Run[]): Run[][] {
  const groups: Run[][] = [];
  for (const run of [...runs].sort((a, b) => a.begin - b.begin)) {
    const group = groups.at(-1);
    const first = group?.[0];
    const last = group?.at(-1);
    const joins =
      first !== undefined &&
      last !== undefined &&
      run.begin - last.end <= MAX_GAP_BYTES &&
      run.end - first.begin <= MAX_READ_BYTES;
    if (joins) group!.push(run);
    else groups.push([run]);
  }
  return groups;
}

/**
 * The bytes of many runs, in the order in which they lie, with as few readings as are worth it; each is
 * there until the next one is asked for.
 *
 * @throws ProtocolError `malformed-model` when the source gives fewer bytes than were asked for.
 */
export async function* readRuns<Run extends ByteRun>(
  source: ByteSource,
  runs: readonly Run[],
): AsyncGenerator<readonly [run: Run, bytes: Uint8Array]> {
  for (const group of readings(runs)) {
    const { begin } = group[0]!;
    const end = group.reduce((last, run) => Math.max(last, run.end), begin);
    const bytes = await readBytes(source, begin, end);
    for (const run of group) yield [run, bytes.subarray(run.begin - begin, run.end - begin)];
    source.release?.(bytes);
  }
}
