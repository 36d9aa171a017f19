import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Form } from "../../../../protocol/model/architectures/family.ts";
import { resnetFamily } from "../../../../protocol/model/architectures/resnet.ts";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import { depthStages } from "../../../../protocol/model/depth-stages.ts";
import { inferShapes } from "../../../../protocol/model/infer-shapes.ts";
import type { NamedTensor } from "../../../../protocol/model/named-tensor.ts";
import { nameInFile } from "../../../../protocol/model/naming.ts";
import { recognise } from "../../../../protocol/model/recognise.ts";
import { madeUpNaming } from "../../../fixtures/made-up-format/naming.ts";
import { problem } from "../problem.ts";

// Files after this one share the table.
const forms = resnetFamily.forms as Form[];
beforeAll(() => void forms.push({ ...forms[0]!, ...madeUpNaming }));
afterAll(() => void forms.pop());

const own = resnet18({ width: 4, classes: 10 });
const named = (rename: (name: string) => string): NamedTensor[] =>
  own.parameters.map(({ name, shape }) => ({
    name: rename(name),
    shape,
    dtype: "F32",
    values: "floats",
  }));
const theirs = named((name) => nameInFile(madeUpNaming, name));

describe("a naming", () => {
  it("replaces in order", () => {
    const names = ["layer1.0.shortcut.0.weight", "fc.bias", "conv1.weight"];
    expect(names.map((name) => nameInFile(madeUpNaming, name))).toEqual([
      "module.layer0.0.downsample.0.weight",
      "module.linear.bias",
      "module.conv1.weight",
    ]);
  });

  it("[G2] is recognised, and the graph and its state vector have the file's names", () => {
    const { graph, layout } = recognise(theirs);
    expect(new Set(layout.entries.map(({ name }) => name))).toEqual(
      new Set(theirs.map(({ name }) => name)),
    );
    // Every operation found its parameters under their new names.
    expect(inferShapes(graph)).toEqual(inferShapes(own));
    expect([...depthStages(graph).byParameter.values()]).toEqual([
      ...depthStages(own).byParameter.values(),
    ]);
    expect(recognise(named((name) => name)).graph).toEqual(own);
  });

  it("[G2] is what a file that fits no naming is told of, where most of it fits", () => {
    expect(problem("unsupported-model", () => recognise(theirs.slice(1)))).toMatch(
      /nowhere.* 101 of its 102 tensors found, but tensor 'module.conv1.weight' is missing/,
    );
  });
});
