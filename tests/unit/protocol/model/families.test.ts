import { readdir } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { FAMILIES } from "../../../../protocol/model/architectures/families.ts";
import type { NamedTensor } from "../../../../protocol/model/named-tensor.ts";
import { recognise } from "../../../../protocol/model/recognise.ts";
import { RENAMED_FORMS } from "./renamed-forms.ts";
import { readFixture } from "../../../fixtures/architectures/read-fixture.ts";

const files = await readdir(new URL("../../../fixtures/architectures/", import.meta.url));
const fixtures = files
  .filter((name) => name.endsWith(".safetensors"))
  .map((name) => name.replace(".safetensors", ""));

const isStatistic = (name: string) => /running_(mean|var)$/.test(name);

const named = (tensor: NamedTensor, name: string, shape = tensor.shape): NamedTensor => ({
  ...tensor,
  name,
  shape,
});

describe("families", () => {
  it.each(fixtures)("[G2] know PyTorch's state dict of %s, and keep its names", async (fixture) => {
    const { architecture, network, tensorsInFile } = await readFixture(fixture);
    const { graph, layout } = recognise(tensorsInFile, network);
    expect(graph.architecture).toBe(architecture);
    const names = tensorsInFile.map(({ name }) => name);
    expect(layout.entries.map(({ name }) => name)).toEqual([
      ...names.filter((name) => !isStatistic(name)),
      ...names.filter(isStatistic),
    ]);
  });

  it.each(RENAMED_FORMS)(
    "[G2] know $form by its names, as the network that others name otherwise",
    async ({ fixture, form, names, rename }) => {
      const { network, tensorsInFile } = await readFixture(fixture);
      const renamed = tensorsInFile.map((tensor) => named(tensor, rename(tensor.name)));
      const found = recognise(renamed, network);
      expect(found.form).toBe(form);
      const inFile = found.graph.parameters.map(({ name }) => name);
      expect(inFile).toEqual(expect.arrayContaining([...names]));
      const own = recognise(tensorsInFile, network).graph;
      expect(inFile).toEqual(own.parameters.map(({ name }) => rename(name)));
    },
  );

  it("[G2.4] leave aside what files of a form have and nothing reads: TRADES' second first stage", async () => {
    const { network, tensorsInFile } = await readFixture("wideresnet16-xternalz");
    const besides = tensorsInFile
      .filter(({ name }) => name.startsWith("block1."))
      .map((tensor) => named(tensor, `sub_${tensor.name}`));
    const own = recognise(tensorsInFile, network);
    const prefixed = [...tensorsInFile, ...besides].map((tensor) =>
      named(tensor, `module.${tensor.name}`),
    );
    const { graph, layout } = recognise(prefixed, network);
    expect(graph.architecture).toBe(own.graph.architecture);
    expect(layout.length).toBe(own.layout.length);
  });

  it("[G2] know TrojanZoo's DenseNets for small images, without a norm behind the stem", async () => {
    const { tensorsInFile } = await readFixture("densenet121-torchvision");
    const compact = tensorsInFile
      .filter(({ name }) => !name.startsWith("features.norm0."))
      .map((tensor) => {
        const isStem = tensor.name === "features.conv0.weight";
        const shape = isStem ? [...tensor.shape.slice(0, 2), 3, 3] : tensor.shape;
        return named(tensor, tensor.name.replace(/^classifier/, "classifier.fc"), shape);
      });
    const { assumed, graph } = recognise(compact);
    expect(graph.architecture).toBe("densenet121-32");
    expect(assumed).toEqual(["size", "epsilon"]);
    expect(graph.operations.map(({ kind }) => kind)).not.toContain("max-pool");
  });

  it("[G2] have fixtures of every form but those of old files", async () => {
    const origins = new Set(RENAMED_FORMS.map(({ form }) => form));
    for (const fixture of fixtures) {
      const { network, tensorsInFile } = await readFixture(fixture);
      origins.add(recognise(tensorsInFile, network).form);
    }
    const forms = FAMILIES.flatMap(({ forms: all, title }) =>
      all.map(({ origin }) => `${title} as in ${origin}`),
    );
    expect(forms.filter((form) => !origins.has(form) && !/first files|others/.test(form))).toEqual(
      [],
    );
  });
});
