import { ProtocolError } from "../../errors.ts";
import type { ModelFile } from "../model-file.ts";
import { readPickle } from "../pickle/read-pickle.ts";
import type { ZipEntry } from "../zip/directory.ts";
import { rewriteZip } from "../zip/rewrite-zip.ts";
import type { ZipArchive } from "../zip/zip-archive.ts";
import type { ZipKind } from "../zip/zip-format.ts";
import { MAX_PICKLE_BYTES } from "./pickle-bytes.ts";
import type { Storages } from "./storages.ts";
import { torchFile } from "./torch-file.ts";

/** The pickle in the one folder that all of an archive lies in. */
const PICKLE = /^[^/]+\/data\.pkl$/;

/** Longest mark of the byte order: "little" or "big". */
const MAX_ORDER_BYTES = 16;

/** What `torch.save` writes since PyTorch 1.6, and `torch.jit.save`: a zip of a pickle and storages. */
export const torchZip: ZipKind = {
  isOne: ({ entries }: ZipArchive): boolean => entries.some(({ name }) => PICKLE.test(name)),

  /**
   * @throws ProtocolError `malformed-model`, `unsupported-model` or `unsafe-model`.
   */
  open: async (archive: ZipArchive): Promise<ModelFile> => {
    const [entry, other] = archive.entries.filter(({ name }) => PICKLE.test(name));
    if (entry === undefined) {
      throw new ProtocolError(
        "malformed-model",
        "this zip archive is not one that PyTorch wrote: no 'data.pkl' is in the folder that all of it lies in. Unpack it, and name the model file in it",
      );
    }
    if (other !== undefined) {
      throw new ProtocolError(
        "malformed-model",
        `the archive holds two models, '${entry.name}' and '${other.name}': which one counts is not said`,
      );
    }
    const folder = entry.name.slice(0, entry.name.indexOf("/") + 1);
    await requireLittleEndian(archive, archive.entry(`${folder}byteorder`));
    if (entry.size > MAX_PICKLE_BYTES) {
      throw new ProtocolError(
        "unsupported-model",
        `the file's pickle has ${entry.size} bytes beside its tensors, at most ${MAX_PICKLE_BYTES} are read: NumPy arrays or data lie in it. Save the state dict alone, as tensors: torch.save(model.state_dict(), FILE)`,
      );
    }
    const bytes = await archive.read(entry, MAX_PICKLE_BYTES);
    const begin = (await archive.locate([entry]))[0]!.begin;
    const pickle = readPickle(bytes, begin);
    const left = begin + bytes.length - pickle.end;
    if (left > 0) {
      throw new ProtocolError(
        "malformed-model",
        `${left} bytes follow the end of the pickle in '${entry.name}', at byte ${pickle.end}`,
      );
    }
    const isScript = archive.entry(`${folder}constants.pkl`) !== undefined;
    return torchFile({
      kind: isScript ? "TorchScript" : "PyTorch zip (pickle)",
      extension: "pt",
      storages: zipStorages(archive, folder),
      pickle,
      place: entry.name,
    });
  },
};

async function requireLittleEndian(archive: ZipArchive, mark: ZipEntry | undefined) {
  if (mark === undefined) return;
  const order = String.fromCharCode(...(await archive.read(mark, MAX_ORDER_BYTES))).trim();
  if (order !== "little") {
    throw new ProtocolError(
      "unsupported-model",
      `the file was written with the byte order '${order}': load it with PyTorch and save it again on a machine of the usual order, little`,
    );
  }
}

function zipStorages(archive: ZipArchive, folder: string): Storages {
  const entryOf = (key: string) => archive.entry(`${folder}data/${key}`);
  return {
    source: archive.source,
    bytesOf: (key) => entryOf(key)?.size,
    locate: async (keys) => {
      const wanted = new Map(Array.from(keys, (key) => [entryOf(key)!, key]));
      const places = await archive.locate(wanted.keys());
      return new Map(places.map((place) => [wanted.get(place.entry)!, place]));
    },
    rewrite: (contents) =>
      rewriteZip(
        archive,
        new Map(Array.from(contents, ([key, content]) => [entryOf(key)!, content])),
      ),
  };
}
