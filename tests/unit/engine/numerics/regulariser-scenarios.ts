import type { StepSettings } from "../../../../client/engine/engine.ts";
import { ADVERSARIES, adversaryScenario, type AdversaryKind } from "./adversary-scenarios.ts";
import type { NumericCase, Scenario } from "./numeric-case.ts";
import { randomBatch, randomPixelBatch } from "./random-graph.ts";
import { SETTINGS } from "./scenarios.ts";
import { SeededValues } from "./seeded-values.ts";

/** Regularisers of one step; their sizes come from the seed. */
export interface RegulariserKind {
  readonly title: string;
  readonly sharpens: boolean;
  readonly shiftsHead: boolean;
  readonly adversary?: AdversaryKind;
}

export const REGULARISERS: readonly RegulariserKind[] = [
  { title: "sharpness", sharpens: true, shiftsHead: false },
  { title: "a head shift", sharpens: false, shiftsHead: true },
  {
    title: "both, and a free adversary that warps",
    sharpens: true,
    shiftsHead: true,
    adversary: ADVERSARIES[6]!,
  },
  {
    title: "sharpness and perturbations of single images",
    sharpens: true,
    shiftsHead: false,
    adversary: ADVERSARIES[5]!,
  },
];

/** Two steps and a gradient, as an adversary's scenario has them. */
export function regulariserScenario(kind: RegulariserKind, size: number): Scenario {
  return async (session, at) => {
    const regularisers = drawRegularisers(kind, at);
    if (kind.adversary) return adversaryScenario(kind.adversary, size, regularisers)(session, at);
    const { graph, seed } = at;
    await session.step(randomBatch(graph, size, seed), { ...SETTINGS[0], ...regularisers });
    const pixels = randomPixelBatch(graph, size, seed + 1);
    await session.step(pixels, { ...SETTINGS[1], ...regularisers });
    const { results, state } = await session.read();
    const images = randomBatch(graph, size, seed + 2);
    const gradient = await session.gradient(images, { ...SETTINGS[0], ...regularisers });
    return { results, states: [state], gradient };
  };
}

/** A head shift only where there is a linear layer. */
function drawRegularisers(
  { sharpens, shiftsHead }: RegulariserKind,
  { layout, seed }: NumericCase,
): Pick<StepSettings, "sharpness" | "headShift"> {
  const values = new SeededValues(seed);
  const rho = values.uniform(0.1, 0.6);
  const weight = values.uniform(0.05, 0.5);
  const hasHead = layout.entries.some(({ role }) => role === "linear-weight");
  return {
    ...(sharpens && { sharpness: { rho } }),
    ...(shiftsHead && hasHead && { headShift: { weight } }),
  };
}
