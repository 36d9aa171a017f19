/**
 * `node tests/bench/double-weights.ts FOLDER FILE...`: writes model files of any format with all their
 * weights doubled, under their names, for another program to read. `tests/fixtures/pytorch/check.py` has
 * PyTorch do so.
 */
import { open } from "node:fs/promises";
import { basename, join } from "node:path";
import type { ByteSource } from "../../protocol/formats/byte-source.ts";
import type { TensorPart } from "../../protocol/formats/model-file.ts";
import { openModelFile } from "../../protocol/formats/open-model-file.ts";

const [folder, ...paths] = process.argv.slice(2);
for (const path of paths) {
  const handle = await open(path);
  const source: ByteSource = {
    totalBytes: (await handle.stat()).size,
    read: async (begin, end) => {
      const bytes = new Uint8Array(end - begin);
      await handle.read(bytes, 0, bytes.length, begin);
      return bytes;
    },
  };
  const file = await openModelFile(source);
  const weights = new Set(
    file.tensors.filter(({ values }) => values === "floats").map(({ name }) => name),
  );
  const doubled = async (part: TensorPart): Promise<Float32Array> => {
    for await (const { values } of file.read([part])) return values.map((value) => 2 * value);
    throw new Error(`no values came for ${part.name}`);
  };
  const out = await open(join(folder!, basename(path)), "w");
  const pieces = file.restore({ has: (name) => weights.has(name), read: doubled });
  for await (const piece of pieces) await out.write(piece);
  await Promise.all([out.close(), handle.close()]);
  console.log(`${basename(path)}: ${file.kind}, ${weights.size} tensors doubled`);
}
