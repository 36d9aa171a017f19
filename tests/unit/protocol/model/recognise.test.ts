import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import { inferShapes } from "../../../../protocol/model/infer-shapes.ts";
import { recognise } from "../../../../protocol/model/recognise.ts";
import type { Dtype } from "../../../../protocol/formats/safetensors/dtype.ts";
import type { TensorInfo } from "../../../../protocol/formats/safetensors/header.ts";
import { problem } from "../problem.ts";

function info(name: string, shape: readonly number[], dtype: Dtype = "F32"): TensorInfo {
  return { name, shape, dtype, begin: 0, end: 4 };
}

const resnetTensors = (width: number, classes: number): TensorInfo[] =>
  resnet18({ width, classes }).parameters.map(({ name, shape }) => info(name, shape));

const replace = (name: string, tensor: TensorInfo | undefined): TensorInfo[] =>
  resnetTensors(4, 10).flatMap((other) =>
    other.name === name ? (tensor === undefined ? [] : [tensor]) : [other],
  );

const refused = (tensors: readonly TensorInfo[]): string =>
  problem("unsupported-model", () => recognise(tensors));

const isStatistic = (name: string) => name.includes("running_");

describe("recognition", () => {
  it("[G2] knows ResNet-18 at any width and class count, in any file order", () => {
    const size = fc.integer({ min: 1, max: 80 });
    fc.assert(
      fc.property(size, fc.integer({ min: 2, max: 1000 }), fc.nat(), (width, classes, turn) => {
        const tensors = resnetTensors(width, classes);
        const turned = [...tensors.splice(turn % tensors.length), ...tensors];
        const { graph, layout } = recognise(turned);
        expect(graph).toEqual(resnet18({ width, classes }));
        expect(inferShapes(graph).get("logits")).toEqual([classes]);
        const order = layout.entries.map(({ name }) => name);
        expect(order).toEqual([
          ...turned.map(({ name }) => name).filter((name) => !isStatistic(name)),
          ...turned.map(({ name }) => name).filter(isStatistic),
        ]);
      }),
      { numRuns: 30 },
    );
  });

  it("[G2] leaves step counters aside", () => {
    const tensors = [...resnetTensors(4, 10), info("bn1.num_batches_tracked", [], "I64")];
    expect(recognise(tensors).layout.entries.map(({ name }) => name)).not.toContain(
      "bn1.num_batches_tracked",
    );
  });

  it("[W3] takes F16 and BF16", () => {
    const tensors = resnetTensors(4, 10).map(({ name, shape }, i) =>
      info(name, shape, i % 2 === 0 ? "F16" : "BF16"),
    );
    expect(recognise(tensors).graph.classes).toBe(10);
  });

  it("[G2] says what comes closest and what does not fit", () => {
    const message = refused(replace("layer3.0.shortcut.0.weight", undefined));
    expect(message).toContain("ResNet-18 for 32×32");
    expect(message).toContain("101 of its 102 tensors");
    expect(message).toContain("'layer3.0.shortcut.0.weight' is missing");
    expect(refused(replace("conv1.weight", info("conv1.weight", [4, 3, 7, 7])))).toMatch(
      /\[4, 3, 7, 7\] where \[4, 3, 3, 3\].*ImageNet/,
    );
    expect(refused(replace("bn1.bias", info("bn1.bias", [5])))).toMatch(
      /'bn1.bias' has shape \[5\]/,
    );
    expect(refused(replace("bn1.bias", info("bn1.bias", [4], "F64")))).toMatch(/'bn1.bias' is F64/);
    expect(refused(replace("bn1.bias", info("bn1.bias", [4], "I32")))).toMatch(/'bn1.bias' is I32/);
    expect(refused(resnetTensors(4, 1))).toContain("at least 2");
    expect(refused([...resnetTensors(4, 10), info("layer1.0.conv1.bias", [4])])).toMatch(
      /'layer1.0.conv1.bias' \(F32\) is not one of its tensors/,
    );
    expect(refused([])).toContain("'conv1.weight' is missing");
  });

  it("[G2] names a prefix that DataParallel leaves", () => {
    const prefixed = resnetTensors(4, 10).map((tensor) =>
      info(`module.${tensor.name}`, tensor.shape),
    );
    expect(refused(prefixed)).toContain("remove the prefix 'module.'");
  });
});
