import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { OPERATIONS } from "../../../client/engine/program/operations/operations.ts";
import { inferShapes } from "../../../protocol/model/infer-shapes.ts";
import { stateLayout } from "../../../protocol/model/state-layout.ts";
import { chosen, sizesOf } from "../../bench/engine/arguments.ts";
import { problemOf } from "../../bench/engine/distillation-case.ts";
import { NETWORK_NAMES, networkGraph, type NetworkName } from "../../bench/engine/networks.ts";
import { plannedDispatches } from "../../bench/engine/planned-dispatches.ts";
import { torchCase } from "../../bench/engine/pytorch.ts";

describe("the benchmarks' networks", () => {
  // As torchvision, timm and pytorch-cifar have them.
  it.each([
    ["resnet18-64", 11_173_962],
    ["mobilenetv2-32", 2_296_922],
    ["mobilenetv2-224", 3_504_872],
    ["resnet50-224", 25_557_032],
    ["vit-tiny-224", 5_717_416],
  ] as const)("%s has %i trainable values", (name, count) => {
    const graph = networkGraph(name);
    inferShapes(graph);
    expect(stateLayout(graph).trainableLength).toBe(count);
  });

  it("are taken with the batches asked for, or with their own", () => {
    const names = chosen("network", "resnet18-16,vit-tiny-224", NETWORK_NAMES);
    expect(sizesOf(names, undefined)).toEqual([
      { network: "resnet18-16", batch: 32 },
      { network: "resnet18-16", batch: 128 },
      { network: "vit-tiny-224", batch: 16 },
    ]);
    expect(sizesOf(names, [8])).toEqual([
      { network: "resnet18-16", batch: 8 },
      { network: "vit-tiny-224", batch: 8 },
    ]);
  });

  it("have a plan without a graphics card", () => {
    const { dispatches, arenaBytes } = plannedDispatches({ network: "resnet18-8", batch: 2 });
    expect(dispatches).toBeGreaterThan(100);
    expect(dispatches).toBeLessThanOrEqual(175);
    expect(arenaBytes).toBeGreaterThan(0);
  });
});

/** As it arrives. */
function told(network: NetworkName): unknown {
  const problem = problemOf(networkGraph(network), 1);
  return JSON.parse(JSON.stringify(torchCase({ network, batch: 1, ...problem })));
}

describe("what PyTorch is told of a case", () => {
  it("is the graph, where each tensor lies, and the family's optimiser", () => {
    const { layout } = problemOf(networkGraph("resnet18-8"), 1);
    expect(told("resnet18-8")).toMatchObject({
      batch: 1,
      graph: networkGraph("resnet18-8"),
      entries: layout.entries,
      trainableLength: layout.trainableLength,
      optimizer: "sgd",
      settings: { momentum: 0.9, temperature: 2 },
    });
    expect(told("vit-tiny-224")).toMatchObject({
      optimizer: "adamw",
      settings: { secondMomentum: 0.999 },
    });
  });

  it("holds no operation that its interpreter does not know", async () => {
    const script = new URL("../../bench/pytorch_graph.py", import.meta.url);
    const known = (await readFile(script, "utf8")).matchAll(/^ {4}def (\w+)\(self, of, x/gm);
    const methods = Array.from(known, ([, name]) => name!.replaceAll("_", "-"));
    expect(methods.toSorted()).toEqual(Object.keys(OPERATIONS).toSorted());
  });
});
