import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import { importModel } from "../../../../protocol/formats/import-model.ts";
import { completePreprocessing } from "../../../../protocol/round/preprocessing.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import { freshState, modelFile } from "../../../../client/attack/fresh-model.ts";
import { drawImages } from "../../../../client/demo/draw-images.ts";
import { labelledImages } from "../../../../client/demo/labelled-images.ts";
import type { LoadedCase } from "../../../bench/cleanse/load-case.ts";

const graph = resnet18({ width: 1, classes: 10 });
const layout = stateLayout(graph);
const PIXELS = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
const TEACHER = await importModel(modelFile(layout, freshState(graph, layout, new Uint8Array(32))));

/** An untrained network of width 1 for ten classes, with a few drawn images. */
export function smallCase(changes: { readonly flip?: boolean } = {}): LoadedCase {
  const pool = labelledImages(drawImages(32, 1));
  const clean = labelledImages(drawImages(20, 2));
  return {
    spec: {
      name: "small",
      model: "small.safetensors",
      pool: "pool.bin",
      test: "test.bin",
      stamp: { kind: "images", path: "triggered.bin", target: 0 },
      network: {},
      preprocessing: PIXELS,
      flip: true,
      ...changes,
    },
    teacher: TEACHER,
    preprocessing: completePreprocessing(PIXELS, TEACHER.preprocessing, graph.inputShape),
    pool,
    target: 0,
    tests: { clean, triggered: { ...clean, target: 0 } },
    digests: {
      model: "a".repeat(64),
      pool: "b".repeat(64),
      test: "c".repeat(64),
      triggered: "d".repeat(64),
    },
  };
}
