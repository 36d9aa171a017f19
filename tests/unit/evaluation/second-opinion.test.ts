import { describe, expect, it } from "vitest";
import type { Engine, Session } from "../../../client/engine/engine.ts";
import { secondOpinion } from "../../../client/evaluation/second-opinion.ts";
import { readPixels } from "../../../client/images/image-set.ts";
import type { Judge } from "../../../client/judge/judge.ts";
import { resnet18 } from "../../../protocol/model/architectures/resnet18.ts";
import { stateLayout } from "../../../protocol/model/state-layout.ts";

const graph = resnet18({ width: 1, classes: 3 });
const layout = stateLayout(graph);
const model = { graph, layout, state: new Float32Array(layout.length) };
const normalisation = { mean: [0, 0, 0], std: [1, 1, 1] };

/** An image is known by its first pixel, which is the row of a table of logits. */
function images(rows: readonly number[]) {
  const pixels = new Uint8Array(rows.length * 3072);
  rows.forEach((row, index) => pixels.fill(row, index * 3072, index * 3072 + 1));
  return { pixels, count: rows.length, height: 32, width: 32, channels: 3 };
}

const nothing = async (): Promise<void> => {};

type Logits = readonly (readonly number[])[];

function engineOf(table: Logits): Engine {
  const logits: Session["logits"] = async (_, batch) => {
    if (!("pixels" in batch)) throw new Error("evaluation gives pixels");
    const rows = Array.from({ length: batch.size }, (__, i) => table[batch.pixels[i * 3072]!]!);
    return Float32Array.from(rows.flat());
  };
  const openSession = () => ({ logits, close: () => {} }) as unknown as Session;
  return { backend: "wasm", adapter: "table", openSession, requireRoom: nothing, close: nothing };
}

function judgeOf(table: Logits): Judge {
  return {
    name: "another table",
    read: () => ({
      logits: async (set, indices) => {
        const pixels = await readPixels(set, indices);
        return Float32Array.from(indices.flatMap((_, row) => table[pixels[row * 3072]!]!));
      },
      close: () => {},
    }),
  };
}

const OURS = [
  [9, 0, 0],
  [0, 9, 0],
  [0, 0, 9],
];

describe("a second opinion", () => {
  it("tells what the judge answers, how often as the engine does, and how far logits differ", async () => {
    const judge = judgeOf([
      [9.5, 0, 0],
      [0, 9, 0],
      [0, 9.25, 9],
    ]);
    const task = {
      model,
      clean: { images: images([0, 1, 2, 2]), labels: [0, 1, 2, 1] },
      triggered: { images: images([0, 1, 1, 0]), labels: [1, 1, 2, 0], target: 0 },
    };
    for (const batchSize of [1, 3, 100]) {
      const shares: number[] = [];
      const onProgress = (share: number): void => void shares.push(share);
      const options = { normalisation, batchSize, onProgress };
      expect(await secondOpinion(engineOf(OURS), judge, task, options)).toEqual({
        judge: "another table",
        acc: 3 / 4,
        asr: 1 / 3,
        ra: 1 / 3,
        images: 8,
        agreement: 6 / 8,
        largestDifference: 9.25,
      });
      expect(shares.at(-1)).toBe(1);
    }
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])(
    "takes no logit of %d for an answer, whoever gives it",
    async (broken) => {
      const strange = [
        [broken, 0, 0],
        [0, 9, 0],
      ];
      const clean = { images: images([0, 1]), labels: [0, 1] };
      const task = { model, clean };
      for (const [ours, theirs] of [
        [strange, OURS],
        [OURS, strange],
        [strange, strange],
      ] as const) {
        const opinion = secondOpinion(engineOf(ours), judgeOf(theirs), task, { normalisation });
        const { agreement, asr, largestDifference } = await opinion;
        expect(agreement).toBe(1 / 2);
        expect(asr).toBeNull();
        expect(Number.isFinite(largestDifference)).toBe(false);
      }
    },
  );
});
