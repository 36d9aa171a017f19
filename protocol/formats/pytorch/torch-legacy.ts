import { ProtocolError } from "../../errors.ts";
import { readBytes, readRuns, type ByteRun, type ByteSource } from "../byte-source.ts";
import type { Format } from "../model-file.ts";
import { PickleCutShort } from "../pickle/pickle-cursor.ts";
import { isRecord, type PickleValue } from "../pickle/pickle-values.ts";
import { readPickle, type ReadPickle } from "../pickle/read-pickle.ts";
import { replaceRuns } from "../replace-runs.ts";
import { MAX_PICKLE_BYTES } from "./pickle-bytes.ts";
import { textEntries } from "./records.ts";
import type { Storages } from "./storages.ts";
import { storagesOf } from "./tensor-records.ts";
import { torchFile } from "./torch-file.ts";

/** 0x1950a86a20f9469cfc6c, with which all such files begin, as each protocol writes it. */
const MAGIC = [0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const MAGIC_TEXT = "L119547037146038801333356L";

/** What is read first, of a file whose pickles are this long as a rule. */
const FIRST_READ_BYTES = 2 ** 17;

/** Pickles in a row: the magic number, the protocol, the machine, the content, the storages' keys. */
const PICKLES = 5;

/** Bytes before a storage: how many values it has. */
const COUNT_BYTES = 8;

/** What `torch.save` wrote before PyTorch 1.6: five pickles, and the storages behind them. */
export const torchLegacy: Format = {
  name: "PyTorch before 1.6",
  mismatch: (start) =>
    isMagic(start) ? undefined : "it does not begin with the number that torch.save wrote first",
  open: async (source) => {
    const pickles = await readPickles(source);
    const [, , machine, content, keys] = pickles as [
      ReadPickle,
      ReadPickle,
      ReadPickle,
      ReadPickle,
      ReadPickle,
    ];
    requireLittleEndian(machine.value);
    return torchFile({
      kind: "PyTorch before 1.6 (pickles)",
      extension: "pth",
      storages: legacyStorages(source, content, keys),
      pickle: content,
      place: "the file",
    });
  },
};

function isMagic(start: Uint8Array): boolean {
  const text = Array.from(MAGIC_TEXT, (char) => char.charCodeAt(0));
  const [proto, version, frame] = start;
  const isFramed = frame === 0x95;
  const begin = proto !== 0x80 || version! > 5 ? 0 : isFramed ? 11 : 2;
  return [MAGIC, text].some((magic) => magic.every((byte, i) => byte === start[begin + i]));
}

async function readPickles(source: ByteSource): Promise<ReadPickle[]> {
  const most = Math.min(source.totalBytes, MAX_PICKLE_BYTES);
  for (let length = FIRST_READ_BYTES; ; length *= 4) {
    const bytes = await readBytes(source, 0, Math.min(length, most));
    try {
      const pickles: ReadPickle[] = [];
      for (let at = 0; pickles.length < PICKLES; at = pickles.at(-1)!.end) {
        pickles.push(readPickle(bytes.subarray(at), at));
      }
      return pickles;
    } catch (error) {
      if (!(error instanceof PickleCutShort) || bytes.length === most) throw error;
    }
  }
}

function requireLittleEndian(machine: PickleValue): void {
  if (isRecord(machine, "dict") && textEntries(machine).get("little_endian") === true) return;
  throw new ProtocolError(
    "unsupported-model",
    "the file was not written by a machine of the usual byte order, little-endian: load it with PyTorch and save it again on one",
  );
}

interface LegacyStorage extends ByteRun {
  readonly values: number;
}

function legacyStorages(source: ByteSource, content: ReadPickle, keys: ReadPickle): Storages {
  const places = layOut(content, keys, source.totalBytes);
  return {
    source,
    bytesOf: (key) => {
      const place = places.get(key);
      return place && place.end - place.begin;
    },
    locate: async (wanted) => {
      const found = new Map(Array.from(wanted, (key) => [key, places.get(key)!]));
      const counts = Array.from(found, ([key, { begin, values }]) => {
        return { key, values, begin: begin - COUNT_BYTES, end: begin };
      });
      for await (const [{ key, values }, bytes] of readRuns(source, counts)) {
        const count = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
        if (count !== BigInt(values)) throw wrongCount(key, values, count);
      }
      return found;
    },
    rewrite: (contents) =>
      replaceRuns(
        source,
        Array.from(contents, ([key, bytes]) => ({ ...places.get(key)!, content: bytes })),
      ),
  };
}

function wrongCount(key: string, values: number, count: bigint): ProtocolError {
  return new ProtocolError(
    "malformed-model",
    `storage '${key}' has ${values} values by the pickle, ${count} where it lies: the file is damaged, fetch it again`,
  );
}

/** Where each storage lies: one behind the other, in the order of their keys. */
function layOut(
  content: ReadPickle,
  keys: ReadPickle,
  totalBytes: number,
): ReadonlyMap<string, LegacyStorage> {
  const known = storagesOf(content.persistents);
  const places = new Map<string, LegacyStorage>();
  let at = keys.end;
  for (const key of isRecord(keys.value, "list") ? keys.value.items : []) {
    const storage = known.get(String(key));
    if (storage === undefined || places.has(storage.key)) {
      throw new ProtocolError(
        "malformed-model",
        `the file lists the storage '${String(key)}', which ${storage === undefined ? "no tensor has" : "it has listed already"}: it is damaged, fetch it again`,
      );
    }
    const begin = at + COUNT_BYTES;
    at = begin + storage.bytes;
    places.set(storage.key, { begin, end: at, values: storage.bytes / storage.dtype.bytes });
  }
  if (at !== totalBytes) {
    throw new ProtocolError(
      "malformed-model",
      `the storages end at byte ${at}, the file at byte ${totalBytes}: ${at > totalBytes ? "it is cut short" : "something follows them"}, fetch it again`,
    );
  }
  return places;
}
