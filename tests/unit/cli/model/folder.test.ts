import { mkdir, readFile, readdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { blobSource, folderBlob } from "../../../../client/cli/model/folder-blob.ts";
import { isBundle, unpackBundle } from "../../../../client/cli/model/unpack-bundle.ts";
import { importModel } from "../../../../protocol/formats/import-model.ts";
import { writeSafetensors } from "../../../../protocol/formats/safetensors/writer.ts";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import { tensorsOf } from "../../protocol/formats/tensors-to-write.ts";
import { refusal } from "../../protocol/problem.ts";
import { temporaryDirectory } from "../temporary-directory.ts";

const tensors = tensorsOf(resnet18({ width: 2, classes: 3 }));
const INDEX = "model.safetensors.index.json";
const SHARDS = ["parts/a.safetensors", "b.safetensors"] as const;

const index = (shard: string): string => JSON.stringify({ weight_map: { a: shard } });

/** A model in two files, one of them in a folder of its own, with a stranger beside. */
async function shardedFolder(): Promise<string> {
  const folder = await temporaryDirectory();
  const map = tensors.map(({ name }, i) => [name, SHARDS[i % 2]]);
  await write(folder, INDEX, JSON.stringify({ weight_map: Object.fromEntries(map) }));
  for (const [i, shard] of SHARDS.entries()) {
    await write(folder, shard, writeSafetensors(tensors.filter((_, place) => place % 2 === i)));
  }
  await write(folder, "README.md", "# A model");
  return folder;
}

async function write(folder: string, path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), content);
}

const bytesOf = async (blob: Blob): Promise<Uint8Array> => new Uint8Array(await blob.arrayBuffer());

describe("a folder that holds a model", () => {
  it("[W6] is one bundle, by its name or its index's, and a folder of the model's files again", async () => {
    const folder = await shardedFolder();
    const bytes = await bytesOf(await folderBlob(folder));
    expect(await bytesOf(await folderBlob(join(folder, INDEX)))).toEqual(bytes);
    expect((await importModel(bytes)).file.kind).toBe("safetensors in 2 files");
    const place = await temporaryDirectory();
    const [bundle, out] = [join(place, "bundle"), join(place, "out")];
    await writeFile(bundle, bytes);
    expect(await isBundle(bundle)).toBe(true);
    await unpackBundle(bundle, out);
    expect(await readdir(place)).toEqual(["out"]);
    expect((await readdir(out)).sort()).toEqual(["b.safetensors", INDEX, "parts"].sort());
    for (const name of [INDEX, ...SHARDS]) {
      expect(await readFile(join(out, name))).toEqual(await readFile(join(folder, name)));
    }
    await writeFile(bundle, bytes);
    await expect(unpackBundle(bundle, out)).rejects.toThrow(/out is there already/);
  });

  it("[G5.1] is told from one file, also of networks of which nobody says which is meant", async () => {
    const other = tensorsOf(resnet18({ width: 2, classes: 4 }));
    const both = [tensors, other].flatMap((network, i) =>
      network.map((one) => Object.assign({}, one, { name: `n${i}.${one.name}` })),
    );
    const path = join(await temporaryDirectory(), "both.safetensors");
    await writeFile(path, writeSafetensors(both));
    expect(await refusal("malformed-request", importModel(await readFile(path)))).toMatch(
      /'n0\.' .*'n1\.'/,
    );
    expect(await isBundle(path)).toBe(false);
  });

  it("is its one file where the model has no more", async () => {
    const folder = await temporaryDirectory();
    const file = writeSafetensors(tensors);
    await write(folder, "model.safetensors", file);
    const blob = await folderBlob(folder);
    expect(await bytesOf(blob)).toEqual(file);
    expect(await blobSource(blob).read(0, 8)).toEqual(file.slice(0, 8));
  });

  it("[W6.2] is refused where a link leads out of it, or a file is missing", async () => {
    const folder = await shardedFolder();
    await symlink(join(folder, "README.md"), join(folder, "linked.safetensors"));
    await write(folder, INDEX, index("linked.safetensors"));
    expect(await refusal("malformed-model", folderBlob(folder))).toMatch(
      /'linked.safetensors' is a link.*cp -rL/,
    );
    await write(folder, INDEX, index("parts/c.safetensors"));
    expect(await refusal("malformed-model", folderBlob(folder))).toMatch(
      /'parts\/c.safetensors' is missing/,
    );
    await write(folder, INDEX, index("../c.safetensors"));
    expect(await refusal("malformed-model", folderBlob(folder))).toMatch(/outside its folder/);
  });

  it("is refused with what it holds where that is no model", async () => {
    const folder = await temporaryDirectory();
    await write(folder, "notes.txt", "");
    expect(await refusal("malformed-model", folderBlob(folder))).toContain("'notes.txt'");
    await write(folder, "config.json", "{}");
    const other = folderBlob(join(folder, "config.json"));
    expect(await refusal("malformed-model", other)).toMatch(/'config.json' .* name its folder/);
  });
});
