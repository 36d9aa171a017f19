import { readdir } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { FAMILIES } from "../../../../protocol/model/architectures/families.ts";
import { recognise } from "../../../../protocol/model/recognise.ts";
import { readFixture } from "../../../fixtures/architectures/read-fixture.ts";

const files = await readdir(new URL("../../../fixtures/architectures/", import.meta.url));
const fixtures = files
  .filter((name) => name.endsWith(".safetensors"))
  .map((name) => name.replace(".safetensors", ""));

const isStatistic = (name: string) => /running_(mean|var)$/.test(name);

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

  it("[G2] have fixtures of every form but those of old files", async () => {
    const origins = new Set<string>();
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
