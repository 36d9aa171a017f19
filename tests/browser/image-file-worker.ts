import { openImageFile } from "../../client/images/image-file-browser.ts";

async function folder(): Promise<FileSystemDirectoryHandle> {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle("scour-images", { create: true });
}

async function names(): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of (await folder()).values()) found.push(name);
  return found;
}

const old = `${Date.now() - 3_600_000}-of-a-closed-tab`;
const young = `${Date.now()}-of-another-tab`;
for (const name of [old, young]) await (await folder()).getFileHandle(name, { create: true });

const file = await openImageFile();
const during = await names();
await file.append(Uint8Array.of(1, 2, 3));
await file.append(Uint8Array.of(4, 5, 6));
const [last, first] = [new Uint8Array(3), new Uint8Array(2)];
await file.read(3, last);
await file.read(0, first);
await file.close();
postMessage({
  left: [old, young].map((name) => during.filter((one) => one === name).length),
  read: [...last, ...first],
  afterwards: await names(),
});
await (await folder()).removeEntry(young);
