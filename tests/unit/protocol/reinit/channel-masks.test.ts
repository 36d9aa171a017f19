import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import { stateLayout, type LayoutEntry } from "../../../../protocol/model/state-layout.ts";
import { outlierChannels } from "../../../../protocol/reinit/channel-ratios.ts";
import { channelScores } from "../../../../protocol/reinit/channel-scores.ts";
import { isMasked, reinitMask } from "../../../../protocol/reinit/mask.ts";
import { randomField } from "../../../../protocol/random/random-field.ts";
import {
  maskThreshold,
  reinitialise,
  reinitialiseRange,
  reinitPlan,
} from "../../../../protocol/reinit/reinitialise.ts";
import {
  reinitStrategySchema,
  type ReinitStrategy,
} from "../../../../protocol/reinit/strategy-schema.ts";
import type { z } from "zod";

const graph = resnet18({ width: 8, classes: 5 });
const layout = stateLayout(graph);
const seed = Uint8Array.from({ length: 32 }, (_, i) => i * 5);
const teacher = Float32Array.from({ length: layout.length }, (_, i) => 0.5 + Math.sin(i * i) / 3);
const pooled = Float32Array.from(teacher.subarray(layout.trainableLength), (value) => 1.2 - value);
const convolutions = layout.entries.filter(({ role }) => role === "conv-weight");

const strategyOf = (input: z.input<typeof reinitStrategySchema>): ReinitStrategy =>
  reinitStrategySchema.parse(input);

function planOf(strategy: ReinitStrategy, strength = 1) {
  const scores = channelScores(strategy, graph, layout, teacher, pooled);
  return { scores, plan: reinitPlan(graph, strategy, strength, scores) };
}

const maskOf = (strategy: ReinitStrategy, strength = 1) =>
  reinitMask(layout, planOf(strategy, strength).plan, seed);

/** Re-initialised values of each output channel, and how many a channel has. */
function byChannel(mask: Uint8Array, { offset, size, shape }: LayoutEntry) {
  const length = size / shape[0]!;
  const counts = Array.from({ length: shape[0]! }, (_, channel) => {
    const start = offset + channel * length;
    let count = 0;
    for (let i = start; i < start + length; i++) if (isMasked(mask, i)) count++;
    return count;
  });
  return { length, counts };
}

const covered = (mask: Uint8Array, entry: LayoutEntry) =>
  byChannel(mask, entry).counts.reduce((sum, count) => sum + count, 0);

const STRATEGIES: readonly ReinitStrategy[] = [
  strategyOf({ kind: "layerwise", granularity: "channel" }),
  strategyOf({ kind: "uniform", ratio: 0.3, granularity: "channel" }),
  strategyOf({ kind: "lipschitz" }),
  strategyOf({ kind: "lipschitz", granularity: "channel", outliers: 0 }),
  strategyOf({ kind: "bn-divergence", ratios: [0.1, 0.1, 0.2, 0.3] }),
  strategyOf({ kind: "bn-divergence", granularity: "channel", outliers: 2 }),
  strategyOf({ kind: "head" }),
];
const named = STRATEGIES.map((strategy) => [JSON.stringify(strategy), strategy] as const);

describe("plans and masks by output channel", () => {
  it.each(named)("[I1] gives any range what the whole gives it: %s", (_, strategy) => {
    const { plan } = planOf(strategy, 2);
    const student = reinitialise(teacher, layout, plan, seed);
    const mask = reinitMask(layout, plan, seed);
    for (let i = 0; i < layout.length; i++) {
      if (!isMasked(mask, i) && student[i] !== teacher[i]) expect.fail(`value ${i} changed`);
    }
    expect(student).not.toEqual(teacher);
    const cut = fc.tuple(fc.nat(layout.length), fc.nat(3000));
    fc.assert(
      fc.property(cut, ([from, length]) => {
        const part = teacher.subarray(from, from + length);
        expect(reinitialiseRange(part, layout, plan, seed, from)).toEqual(
          student.slice(from, from + length),
        );
      }),
      { numRuns: 40 },
    );
  });

  it("[I7] granularity weight is what no granularity is", () => {
    for (const input of [{ kind: "layerwise" }, { kind: "uniform", ratio: 0.2 }] as const) {
      const said = strategyOf({ ...input, granularity: "weight" });
      expect(maskOf(said, 3)).toEqual(maskOf(strategyOf(input), 3));
    }
  });

  it("[I7] granularity channel takes an output channel whole or not at all, by its first element's word", () => {
    const ratio = 0.3;
    const mask = maskOf(strategyOf({ kind: "uniform", ratio, granularity: "channel" }));
    const words = new Uint32Array(4);
    let taken = 0;
    let channels = 0;
    for (const entry of convolutions) {
      const { length, counts } = byChannel(mask, entry);
      const field = randomField(seed, entry.name);
      for (const [channel, count] of counts.entries()) {
        field.words(words, channel * length);
        expect(count).toBe(words[0]! < maskThreshold(ratio) ? length : 0);
        taken += count / length;
      }
      channels += counts.length;
    }
    expect(Math.abs(taken - ratio * channels)).toBeLessThan(
      4 * Math.sqrt(channels * ratio * (1 - ratio)),
    );
    // The head has values, not channels, to lose.
    const head = layout.entries.find(({ name }) => name === "fc.weight")!;
    const { length, counts } = byChannel(mask, head);
    expect(counts.some((count) => count > 0 && count < length)).toBe(true);
  });

  it.each(["lipschitz", "bn-divergence"] as const)(
    "[I8.2] %s covers each channel in proportion to its score",
    (kind) => {
      const strategy = strategyOf({ kind, ratios: [0.2, 0.2, 0.2, 0.2], outliers: 0 });
      const { plan, scores } = planOf(strategy, 1.5);
      const mask = reinitMask(layout, plan, seed);
      let surprises = 0;
      let compared = 0;
      for (const entry of convolutions) {
        const ofLayer = scores!.get(entry.name)!;
        const mean = ofLayer.reduce((sum, score) => sum + score, 0) / ofLayer.length;
        const { length, counts } = byChannel(mask, entry);
        for (const [channel, count] of counts.entries()) {
          const ratio = Math.min(1, (0.3 * ofLayer[channel]!) / mean);
          if (ratio === 1) expect(count).toBe(length);
          const deviation = Math.sqrt(length * ratio * (1 - ratio));
          if (Math.abs(count - length * ratio) > 2.5 * deviation + 1) surprises++;
          compared++;
        }
      }
      expect(compared).toBe(convolutions.reduce((sum, { shape }) => sum + shape[0]!, 0));
      // 1.2 % lie beyond two and a half standard deviations.
      expect(surprises).toBeLessThan(0.03 * compared);
      // Scores must differ for the above to say anything.
      const ratios = [...plan.values()].flatMap((parameter) => parameter.ratios);
      expect(Math.max(...ratios) / Math.min(...ratios)).toBeGreaterThan(1.5);
    },
  );

  it("[I8.3] takes outliers whole at any strength and granularity, and at strength 0 nothing else", () => {
    for (const granularity of ["weight", "channel"] as const) {
      const strategy = strategyOf({ kind: "bn-divergence", granularity, outliers: 2 });
      const { plan, scores } = planOf(strategy, 0);
      const mask = reinitMask(layout, plan, seed);
      let found = 0;
      for (const entry of layout.entries) {
        if (entry.role !== "conv-weight") {
          expect(byChannel(mask, entry).counts.every((count) => count === 0)).toBe(true);
          continue;
        }
        const outliers = outlierChannels(scores!.get(entry.name)!, 2);
        const { length, counts } = byChannel(mask, entry);
        expect(counts).toEqual(counts.map((_, c) => (outliers.includes(c) ? length : 0)));
        found += outliers.length;
      }
      expect(found).toBeGreaterThan(5);
    }
  });

  it("[I5] head re-initialises all of the head and nothing else", () => {
    const mask = maskOf(strategyOf({ kind: "head" }));
    const half = maskOf(strategyOf({ kind: "head" }), 0.5);
    for (const entry of layout.entries) {
      const isHead = entry.role === "linear-weight" || entry.role === "linear-bias";
      expect(covered(mask, entry), entry.name).toBe(isHead ? entry.size : 0);
    }
    const weight = layout.entries.find(({ name }) => name === "fc.weight")!;
    expect(Math.abs(covered(half, weight) / weight.size - 0.5)).toBeLessThan(0.15);
  });

  it("refuses a plan whose scores are missing or another graph's", () => {
    const strategy = strategyOf({ kind: "lipschitz" });
    expect(() => reinitPlan(graph, strategy, 1)).toThrow(/'lipschitz' needs/);
    const other = resnet18({ width: 4, classes: 5 });
    const { scores } = planOf(strategy);
    expect(() => reinitPlan(other, strategy, 1, scores)).toThrow(/has 4 channels, not 8/);
  });
});
