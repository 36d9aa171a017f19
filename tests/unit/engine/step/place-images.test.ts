import { beforeAll, describe, expect, it } from "vitest";
import { placedBatch } from "../../../../client/distil/augment.ts";
import { gatherPixels } from "../../../../client/images/image-set.ts";
import { RandomStream } from "../../../../protocol/random/random-stream.ts";
import type { Engine, PixelBatch, ValueBatch } from "../../../../client/engine/engine.ts";
import { nodeEnvironment } from "../../../../client/engine/opening/node-environment.ts";
import { openEngine } from "../../../../client/engine/opening/open-engine.ts";
import { placedValues } from "../../../../client/engine/step/place-images.ts";
import type { GoldenCase } from "../../../../scripts/golden/golden-case.ts";
import { goldenW4 } from "../golden-files.ts";

const SETTINGS = { learningRate: 0.05, momentum: 0.9, weightDecay: 5e-4, temperature: 2 };

describe("batches of pixels", () => {
  let engine: Engine;
  let golden: GoldenCase;
  beforeAll(async () => {
    engine = await openEngine({ backend: "wasm", environment: nodeEnvironment() });
    golden = await goldenW4();
  });

  function pixelBatch(from: number, size: number): PixelBatch {
    return placedBatch(
      golden.images,
      gatherPixels(
        golden.images,
        Array.from({ length: size }, (_, i) => from + i),
      ),
      golden.run.normalisation,
      { cropPadding: 3, horizontalFlip: true },
      new RandomStream(new Uint8Array(16).fill(from + 1)),
    );
  }

  /** The same batch, every pixel looked up by itself in the padded, perhaps mirrored image. */
  function valueBatch({ cropPadding, pixels, placements, size, table }: PixelBatch): ValueBatch {
    const { height, width, channels } = golden.images;
    const values = Float32Array.from({ length: size * height * width * channels }, (_, index) => {
      const c = index % channels;
      const x = Math.floor(index / channels) % width;
      const y = Math.floor(index / channels / width) % height;
      const image = Math.floor(index / channels / width / height);
      const [top, left, mirror] = placements.subarray(3 * image, 3 * image + 3);
      const row = y + top! - cropPadding;
      const column = (mirror ? width - 1 - x : x) + left! - cropPadding;
      const padded = row < 0 || row >= height || column < 0 || column >= width;
      const source = ((image * height + row) * width + column) * channels + c;
      return table[256 * c + (padded ? 0 : pixels[source]!)]!;
    });
    return { values, size };
  }

  it("equal batches of the same values bit for bit, in everything a session does", async () => {
    const { graph, layout, state } = golden.teacher;
    const targets = new Float32Array(4 * graph.classes);
    for (let row = 0; row < 4; row++) targets[row * graph.classes + row] = 1;
    const run = async (form: (batch: PixelBatch) => PixelBatch | ValueBatch) => {
      const session = engine.openSession({ graph, layout, teacher: state, normGroupSize: 2 });
      session.load(golden.student.state);
      const outcomes: unknown[] = [
        await session.gradient(form(pixelBatch(0, 4)), SETTINGS),
        await session.logits("teacher", form(pixelBatch(4, 3))),
        await session.trainingLogits(form(pixelBatch(8, 4))),
      ];
      await session.step(form(pixelBatch(12, 4)), SETTINGS);
      await session.superviseStep(form(pixelBatch(16, 4)), targets, SETTINGS);
      outcomes.push(await session.read(), await session.logits("student", form(pixelBatch(20, 3))));
      session.close();
      return outcomes;
    };
    expect(placedValues(pixelBatch(0, 4), golden.images)).toEqual(
      valueBatch(pixelBatch(0, 4)).values,
    );
    expect(await run((batch) => batch)).toEqual(await run(valueBatch));
  });

  it("are refused where their parts do not fit, and nothing changes", async () => {
    const { graph, layout, state } = golden.teacher;
    const session = engine.openSession({ graph, layout, teacher: state });
    session.load(golden.student.state);
    const good = pixelBatch(0, 2);
    const moved = (image: number, placement: readonly number[]): Uint8Array => {
      const placements = good.placements.slice();
      placements.set(placement, 3 * image);
      return placements;
    };
    const bad: [Partial<PixelBatch>, string][] = [
      [{ size: 0 }, "at least 1 image, this one has 0"],
      [{ size: 1.5 }, "at least 1 image, this one has 1.5"],
      [
        { pixels: new Uint8Array(5) },
        "2 images needs 6144 pixel values (2×32×32×3), this one has 5",
      ],
      [
        { placements: new Uint8Array(4) },
        "2 images needs 6 placement values (2×3), this one has 4",
      ],
      [{ table: new Float32Array(256) }, "3 channels needs 768 values (3×256), this one has 256"],
      [{ cropPadding: -1 }, "a crop padding of -1"],
      [{ cropPadding: 128 }, "a whole number of pixels from 0 to 127"],
      [{ placements: moved(1, [7, 0, 0]) }, "image 1 is placed at row 7, column 0, mirrored 0"],
      [{ placements: moved(0, [0, 7, 0]) }, "rows and columns are 0 to 6"],
      [{ placements: moved(0, [0, 0, 2]) }, "mirrored is 0 or 1"],
    ];
    for (const [change, message] of bad) {
      await expect(session.step({ ...good, ...change }, SETTINGS), message).rejects.toMatchObject({
        code: "invalid-input",
        message: expect.stringContaining(message) as string,
      });
    }
    expect(await session.read()).toEqual({ state: golden.student.state, results: [] });
    session.close();
  });
});
