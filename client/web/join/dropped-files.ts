import { pickedFiles, unreadable, type PickedFile } from "../../images/load-browser.ts";

/** Files of a drop, folders opened. To be called before the drop's event ends. */
export async function droppedFiles(transfer: DataTransfer): Promise<PickedFile[]> {
  const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry());
  const plain = pickedFiles(transfer.files);
  if (!entries.some((entry) => entry?.isDirectory === true)) return plain;
  const picked = await Promise.all(entries.map((entry) => (entry === null ? [] : below(entry))));
  return picked.flat();
}

async function below(entry: FileSystemEntry): Promise<PickedFile[]> {
  const path = entry.fullPath.replace(/^\//, "");
  if (isFile(entry)) {
    const given = new Promise<File>((resolve, reject) => entry.file(resolve, reject));
    return [{ path, file: await given.catch(unreadable) }];
  }
  if (!isDirectory(entry)) return [];
  const reader = entry.createReader();
  const picked: PickedFile[] = [];
  for (;;) {
    // A reader gives at most a hundred at a time.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    ).catch(unreadable);
    if ("problem" in some) return [...picked, { path: `${path}/`, file: some }];
    if (some.length === 0) return picked;
    for (const child of some) picked.push(...(await below(child)));
  }
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function isDirectory(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}
