import { describe, expect, it } from "vitest";
import { bytesInMemory } from "../../../../protocol/formats/byte-source.ts";
import { importModel, openModel } from "../../../../protocol/formats/import-model.ts";
import {
  writeSafetensors,
  type TensorToWrite,
} from "../../../../protocol/formats/safetensors/writer.ts";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import { refusal } from "../problem.ts";
import { tensorsOf } from "./tensors-to-write.ts";

const graph = resnet18({ width: 2, classes: 3 });

const buffer = (
  name: string,
  shape: readonly number[],
  values: readonly number[],
): TensorToWrite => ({
  name,
  shape,
  dtype: "F32",
  values: Float32Array.from(values),
});

const file = (...buffers: TensorToWrite[]): Uint8Array =>
  writeSafetensors([...buffers, ...tensorsOf(graph)]);

const MEAN = [0.4914, 0.4822, 0.4465];
const STD = [0.247, 0.2435, 0.2616];

describe("a network that begins by normalising its pictures", () => {
  it.each([
    ["normalize.mean", "normalize.std", [1, 3, 1, 1]],
    ["mean", "std", [3]],
    ["0.means", "0.sds", [3, 1, 1]],
    ["mu", "sigma", [1, 3, 1, 1]],
    ["pixel_mean", "pixel_std", [3, 1, 1]],
  ] as const)("[W3] has %s and %s as its preprocessing", async (mean, std, shape) => {
    const bytes = file(buffer(mean, shape, MEAN), buffer(std, shape, STD));
    const { file: opened, layout, preprocessing } = await openModel(bytesInMemory(bytes));
    expect(preprocessing).toMatchObject({ range: "unit", mean: MEAN, std: STD });
    expect(opened.findings).toEqual([
      expect.objectContaining({ rule: "normalisation-in-file", level: "note", where: mean }),
    ]);
    expect(layout.entries).toHaveLength(graph.parameters.length);
  });

  it("[W3] sees pixels from 0 to 255 where its numbers are of that size", async () => {
    const bytes = file(
      buffer("normalize.mean", [3], [123.675, 116.28, 103.53]),
      buffer("normalize.std", [3], [58.395, 57.12, 57.375]),
    );
    const { preprocessing } = await importModel(bytes);
    expect(preprocessing).toMatchObject({ range: "bytes", mean: [123.675, 116.28, 103.53] });
  });

  it("[W3] is one with the same numbers in several places", async () => {
    const again = ["normalize", "attacker.normalize"].flatMap((place) => [
      buffer(`${place}.mean`, [3], MEAN),
      buffer(`${place}.std`, [3], STD),
    ]);
    expect((await importModel(file(...again))).preprocessing).toMatchObject({ mean: MEAN });
  });

  it.each([
    [
      "two that differ",
      [
        buffer("a.mean", [3], MEAN),
        buffer("a.std", [3], STD),
        buffer("b.mean", [3], STD),
        buffer("b.std", [3], STD),
      ],
    ],
    ["one alone", [buffer("a.mean", [3], MEAN)]],
    ["no deviation", [buffer("a.mean", [3], MEAN), buffer("a.std", [3], [0, 1, 1])]],
    [
      "other lengths",
      [buffer("a.mean", [5], [1, 2, 3, 4, 5]), buffer("a.std", [5], [1, 2, 3, 4, 5])],
    ],
  ] as const)("[W3] is no such network with %s: they are named", async (_what, buffers) => {
    expect(await refusal("unsupported-model", importModel(file(...buffers)))).toContain("'a.mean'");
  });
});
