import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import { inferShapes } from "../../../../protocol/model/infer-shapes.ts";
import { recognise } from "../../../../protocol/model/recognise.ts";
import type { NamedTensor } from "../../../../protocol/model/named-tensor.ts";
import { problem } from "../problem.ts";

const KINDS = { F32: "floats", I64: "integers", I32: "integers", F64: "others" } as const;

function info(
  name: string,
  shape: readonly number[],
  dtype: keyof typeof KINDS = "F32",
): NamedTensor {
  return { name, shape, dtype, values: KINDS[dtype] };
}

const resnetTensors = (width: number, classes: number): NamedTensor[] =>
  resnet18({ width, classes }).parameters.map(({ name, shape }) => info(name, shape));

const replace = (name: string, tensor: NamedTensor | undefined): NamedTensor[] =>
  resnetTensors(4, 10).flatMap((other) =>
    other.name === name ? (tensor === undefined ? [] : [tensor]) : [other],
  );

const refused = (tensors: readonly NamedTensor[]): string =>
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

  it.each([
    ["a counter saved as a float", "bn1.num_batches_tracked", []],
    ["what thop counted", "layer1.0.conv1.total_ops", [1]],
    ["a loss beside the network", "criterion.weight", [10]],
    ["scores beside the network", "val_acc.tp", [10]],
    ["what holds nothing", "empty", [0, 3]],
  ] as const)("[W3] leaves aside %s", (_, name, shape) => {
    expect(recognise([...resnetTensors(4, 10), info(name, shape)]).layout.entries).toHaveLength(
      102,
    );
    // Also where all of the network's names begin alike.
    const within = resnetTensors(4, 10).map((one) => info(`net.${one.name}`, one.shape));
    expect(recognise([...within, info(name, shape)]).layout.entries).toHaveLength(102);
  });

  it("[G2] says what comes closest and what does not fit", () => {
    const message = refused(replace("layer3.0.shortcut.0.weight", undefined));
    expect(message).toContain("Closest is resnet18-32 (ResNet as in the BCU release)");
    expect(message).toContain("101 of its 102 tensors");
    expect(message).toContain("'layer3.0.shortcut.0.weight' is missing");
    expect(refused(replace("conv1.weight", info("conv1.weight", [4, 3, 5, 5])))).toMatch(
      /\[4, 3, 5, 5\] where \[4, 3, 3, 3\] is expected/,
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
    expect(refused([])).toContain("the file has no tensors");
    expect(refused([info("a.weight", [1]), info("b", [2])])).toMatch(/such as 'a.weight', 'b'/);
    expect(refused([info(".a", [1]), info("b", [2])])).toMatch(/such as '.a', 'b'/);
  });

  it.each(["module.", "_orig_mod.", "model.", "backbone.", "model.module."])(
    "[G2] leaves aside what all names begin with: %s",
    (prefix) => {
      const prefixed = resnetTensors(4, 10).map((tensor) =>
        info(prefix + tensor.name, tensor.shape),
      );
      const { graph, layout } = recognise(prefixed);
      expect(graph.architecture).toBe("resnet18-32");
      expect(layout.entries[0]!.name).toBe(`${prefix}conv1.weight`);
    },
  );

  it("[G2.1] leaves aside what weights' names begin with, whatever stands beside, and nothing that some begin with", () => {
    const averaged = [
      info("n_averaged", [], "I64"),
      ...resnetTensors(4, 10).map(({ name, shape }) => info(`module.${name}`, shape)),
    ];
    expect(recognise(averaged).layout.entries[0]!.name).toBe("module.conv1.weight");
    const partly = resnetTensors(4, 10).map(({ name, shape }) =>
      info(name.startsWith("fc.") ? name : `backbone.${name}`, shape),
    );
    expect(refused(partly)).toMatch(
      /resnet18-32 .*'backbone\.' stands before some names only, not before 'fc.weight'/,
    );
  });

  it.each(["fc.1", "classifier.1", "head.fc", "last_linear"])(
    "[G2.3] finds the head under any name: %s",
    (head) => {
      const tensors = resnetTensors(4, 10).map(({ name, shape }) =>
        info(name.replace(/^fc/, head), shape),
      );
      const { graph } = recognise(tensors);
      expect(graph.architecture).toBe("resnet18-32");
      expect(graph.parameters.map(({ name }) => name)).toContain(`${head}.weight`);
      const two = [...tensors, info("other.weight", [3, 32])];
      expect(refused(two)).toMatch(
        `in place of the one linear layer 'fc.weight' it has several ('${head}.weight', 'other.weight')`,
      );
    },
  );

  it("[G2] says how many blocks were found, where no member has so many", () => {
    const deeper = [...resnetTensors(4, 10)];
    for (let block = 2; block < 9; block++) {
      for (const { name, shape } of resnetTensors(4, 10)) {
        if (!name.startsWith("layer3.1.")) continue;
        deeper.push(info(name.replace("layer3.1", `layer3.${block}`), shape));
      }
    }
    expect(refused(deeper)).toMatch(
      /stages have 2-2-9-2 blocks: .*resnet18 2-2-2-2, resnet34 3-4-6-3/,
    );
  });

  it("[G2] compares tensors with the graph that a file brings, where it brings one", () => {
    const own = resnet18({ width: 4, classes: 10 });
    const brought = {
      ...own,
      architecture: "its-own",
      parameters: own.parameters.toReversed(),
    };
    const { graph, layout } = recognise(resnetTensors(4, 10), {}, brought);
    expect(graph).toBe(brought);
    expect(layout.entries[0]!.name).toBe("conv1.weight");
    expect(
      problem("unsupported-model", () => recognise(resnetTensors(5, 10), {}, brought)),
    ).toMatch(/the file's own graph \(its-own\).*has shape/);
  });
});
