import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { drawImages } from "../../../../../client/demo/draw-images.ts";
import { temporaryDirectory } from "../../temporary-directory.ts";

/** A folder with 24 training and 12 test images. */
export async function attackFiles() {
  const folder = await temporaryDirectory();
  const path = (name: string) => join(folder, name);
  await writeFile(path("train.bin"), drawImages(24, 1));
  await writeFile(path("test.bin"), drawImages(12, 2));
  const small =
    "--width 1 --batch-size 8 --epochs 3 --checkpoint-epochs 1 --backend wasm --threads 1 --json";
  const train = (out: string, ...more: string[]): string[] =>
    ["attack", "train", "--data", path("train.bin"), "--out", path(out)].concat(
      small.split(" "),
      more,
    );
  return { folder, path, train };
}
