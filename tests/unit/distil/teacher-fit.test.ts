import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEMO_PREPROCESSING, drawImages, seededStream } from "../../../client/demo/draw-images.ts";
import { labelledImages } from "../../../client/demo/labelled-images.ts";
import type { ImageSet } from "../../../client/images/image-set.ts";
import type { Normalisation } from "../../../client/distil/normalise.ts";
import { resizedImages } from "../../../client/images/resized-images.ts";
import { otherReadings, type Reading } from "../../../protocol/model/readings.ts";
import { teacherFit } from "../../../client/distil/teacher-fit.ts";
import type { Engine, Session } from "../../../client/engine/engine.ts";
import { openWasmEngine } from "../../../client/engine/wasm/wasm-engine.ts";
import type { Graph } from "../../../protocol/model/graph.ts";
import { importModel } from "../../../protocol/formats/import-model.ts";
import { fitSchema, misfitOf, PREPARATIONS, type Fit } from "../../../protocol/round/fit.ts";
import { configOf } from "../protocol/round/config-of.ts";

const FILE = new URL("../../../client/demo/teacher.safetensors", import.meta.url);
const file = new Uint8Array(readFileSync(FILE));
const { graph, layout, state: teacher } = await importModel(file);
const own = labelledImages(drawImages(160, 7_000)).images;
const settings = configOf().fit!;
let engine: Engine;
let session: Session;

beforeAll(async () => {
  engine = await openWasmEngine({ threads: 1 });
  session = engine.openSession({ graph, layout, teacher });
});
afterAll(() => engine.close());

/** Pictures whose values a function gives. */
function made(value: (random: () => number, row: number) => number, count = 64): ImageSet {
  const stream = seededStream(3);
  const random = (): number => (stream.word() & 255) / 255;
  const pixels = Uint8Array.from({ length: count * 32 * 32 * 3 }, (_, i) =>
    Math.round(255 * value(random, Math.floor(i / 96) % 32)),
  );
  return { pixels, count, height: 32, width: 32, channels: 3 };
}

interface Changes {
  images?: ImageSet;
  count?: number;
  normalisation?: Normalisation;
  of?: Graph;
  on?: Session;
  readings?: readonly Reading[];
}

const open = (of: Graph): Session => engine.openSession({ graph: of, layout, teacher });

const inSize = async (): Promise<undefined> => undefined;

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** As a model without batch norms is seen. */
const NORMLESS: Graph = {
  ...graph,
  operations: graph.operations.filter(({ kind }) => kind !== "batch-norm"),
};

/** As one is seen whose norms stand in for folded ones. */
const STANDING: Graph = {
  ...graph,
  operations: graph.operations.map((operation) =>
    operation.kind === "batch-norm"
      ? Object.assign({}, operation, { standsIn: true } as const)
      : operation,
  ),
};

async function fitOf({
  images = own,
  count = images.count,
  normalisation = DEMO_PREPROCESSING,
  of = graph,
  on = session,
  readings = [],
}: Changes): Promise<Fit | null> {
  const indices = Uint32Array.from({ length: count }, (_, i) => i);
  const pool = { images, indices, normalisation, batchSize: 64 };
  const { signal } = new AbortController();
  return await teacherFit(
    { session: on, graph: of, layout, teacher, pool, readings, open, inSize },
    { signal, beforeBatch: () => Promise.resolve() },
  );
}

describe("the demo's teacher, asked", () => {
  it("[F1.1] knows its own pictures, many, few, and of one kind alone", async () => {
    for (const count of [160, 40, 16]) {
      const fit = (await fitOf({ count }))!;
      expect(fitSchema.parse(fit)).toEqual(fit);
      expect(fit).toMatchObject({ images: count, otherwise: null });
      expect(fit.distance).toBeLessThan(0.05);
      expect(fit.confidence).toBeGreaterThan(0.8);
      expect(fit.entropy).toBeLessThan(0.4);
      expect(misfitOf(fit, settings, graph.classes)).toBeUndefined();
    }
    const size = 32 * 32 * 3;
    const alike = new Uint8Array(16 * size);
    // The ten classes are drawn in turn.
    for (let i = 0; i < 16; i++) {
      alike.set(own.pixels.subarray(10 * i * size, (10 * i + 1) * size), i * size);
    }
    const fit = (await fitOf({ images: { ...own, pixels: alike, count: 16 } }))!;
    expect(misfitOf(fit, settings, graph.classes)).toBeUndefined();
  });

  it("[F1.3] [F2] tells which normalisation its pictures are prepared with instead", async () => {
    const { bytes, centred, none } = PREPARATIONS;
    for (const normalisation of [none, centred, bytes]) {
      const fit = (await fitOf({ normalisation }))!;
      expect(fitSchema.parse(fit)).toEqual(fit);
      expect(fit.otherwise).toMatchObject({ as: "imagenet" });
      const misfit = misfitOf(fit, settings, graph.classes);
      expect(misfit).toMatchObject({ cause: "normalisation" });
      expect(misfit!.detail).toContain("mean .485,.456,.406 and std .229,.224,.225");
    }
  });

  it.each([
    [{ stemPool: "max" }, { stemPool: "none" }],
    [{ size: 64 }, { size: 32 }],
  ] as const)(
    "[F1.5] [F2] tells as which network it was trained when it is read with %o",
    async (wrong, right) => {
      const misread = await importModel(file, wrong);
      const readings = otherReadings(misread.file.tensors, misread);
      const { height, width } = misread.graph.inputShape;
      const images = await resizedImages(own, range(32), { height, width });
      const on = engine.openSession({ graph: misread.graph, layout, teacher });
      const fit = (await fitOf({ images, on, of: misread.graph, readings }))!;
      on.close();
      expect(fitSchema.parse(fit)).toEqual(fit);
      expect(fit.reading).toMatchObject({ says: right });
      expect(misfitOf(fit, settings, graph.classes)).toMatchObject({ cause: "network" });
    },
  );

  it("[F2] takes noise, blank pictures and pages of text for pictures of another kind", async () => {
    const kinds = {
      noise: made((random) => random()),
      grey: made(() => 0.5),
      black: made(() => 0),
      pages: made((random, row) => (row % 4 < 2 && random() < 0.5 ? 0.1 : 0.95)),
    };
    for (const images of Object.values(kinds)) {
      const fit = (await fitOf({ images }))!;
      expect(misfitOf(fit, settings, graph.classes)).toMatchObject({ cause: "pictures" });
    }
  });

  it.each([NORMLESS, STANDING])(
    "[F1.2] [L7] gives its answers alone of a model without batch norms of its own, and says so",
    async (of) => {
      const fit = (await fitOf({ of }))!;
      expect(fit).toMatchObject({ distance: null, otherwise: null });
      expect(fit.confidence).toBeGreaterThan(0.8);
      expect(misfitOf(fit, settings, graph.classes)).toBeUndefined();
    },
  );

  it("[F1] is not asked about fewer than 16", async () => {
    await expect(fitOf({ count: 15 })).resolves.toBeNull();
  });
});

it("[F1.1] answers that are not finite say as little as answers can", async () => {
  const broken = {
    logits: () => Promise.resolve(new Float32Array(16 * graph.classes).fill(Number.NaN)),
  } as unknown as Session;
  const indices = Uint32Array.from({ length: 16 }, (_, i) => i);
  const pool = { images: own, indices, normalisation: DEMO_PREPROCESSING, batchSize: 16 };
  const fit = (await teacherFit(
    {
      session: broken,
      graph: NORMLESS,
      layout,
      teacher,
      pool,
      readings: [],
      open: () => broken,
      inSize,
    },
    { signal: new AbortController().signal, beforeBatch: () => Promise.resolve() },
  ))!;
  expect(fit.confidence).toBeCloseTo(1 / graph.classes, 6);
  expect(fit.entropy).toBeCloseTo(Math.log(graph.classes), 6);
  expect(misfitOf(fit, settings, graph.classes)).toMatchObject({ cause: "pictures" });
});
