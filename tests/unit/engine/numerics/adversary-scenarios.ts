import type {
  AdversarySettings,
  LowFrequencySettings,
  WarpSettings,
} from "../../../../client/engine/adversary-settings.ts";
import type { Session, StepSettings } from "../../../../client/engine/engine.ts";
import { fieldLength, imageLengthOf } from "../../../../client/engine/host/warp-field.ts";
import type { NumericCase, Outcome, Scenario } from "./numeric-case.ts";
import { randomBatch, randomPixelBatch } from "./random-graph.ts";
import { randomAnswers, SETTINGS } from "./scenarios.ts";
import { SeededValues } from "./seeded-values.ts";

/** What an adversary is drawn from; all else comes from the seed. */
export interface AdversaryKind extends Pick<AdversarySettings, "norm" | "scope" | "ascents"> {
  readonly warps: boolean;
  /** Whether low frequencies are stretched. */
  readonly stretches: boolean;
  /** Whether a pattern is added to copies besides. */
  readonly patterned: boolean;
}

export const ADVERSARIES: readonly AdversaryKind[] = [
  { norm: "l2", scope: "universal", ascents: 0, warps: false, stretches: false, patterned: false },
  {
    norm: "linf",
    scope: "universal",
    ascents: 0,
    warps: false,
    stretches: false,
    patterned: false,
  },
  { norm: "l2", scope: "universal", ascents: 1, warps: false, stretches: false, patterned: false },
  {
    norm: "linf",
    scope: "universal",
    ascents: 2,
    warps: false,
    stretches: false,
    patterned: false,
  },
  { norm: "l2", scope: "per-image", ascents: 2, warps: false, stretches: false, patterned: false },
  {
    norm: "linf",
    scope: "per-image",
    ascents: 1,
    warps: false,
    stretches: false,
    patterned: false,
  },
  { norm: "l2", scope: "universal", ascents: 0, warps: true, stretches: false, patterned: false },
  { norm: "linf", scope: "universal", ascents: 2, warps: true, stretches: false, patterned: false },
  { norm: "l2", scope: "universal", ascents: 0, warps: true, stretches: true, patterned: false },
  { norm: "l2", scope: "universal", ascents: 2, warps: false, stretches: true, patterned: false },
  { norm: "l2", scope: "universal", ascents: 0, warps: true, stretches: true, patterned: true },
  { norm: "l2", scope: "per-image", ascents: 1, warps: false, stretches: false, patterned: true },
];

function drawAdversary(
  { norm, scope, ascents, warps, stretches }: AdversaryKind,
  seed: number,
): AdversarySettings {
  const values = new SeededValues(seed);
  const large = norm === "l2" ? 1 : 0.2;
  return {
    norm,
    scope,
    ascents,
    ...(warps && { warp: drawWarp(seed + 2) }),
    ...(stretches && { lowFrequencies: drawLowFrequencies(seed + 3) }),
    weight: values.uniform(0.2, 1.5),
    share: values.pick([0.2, 0.5, 0.7, 1]),
    // As often as not one step leaves the ball.
    radius: values.uniform(0.5, 2) * large,
    stepLength: values.uniform(0.3, 1.5) * large,
  };
}

function drawLowFrequencies(seed: number): LowFrequencySettings {
  const values = new SeededValues(seed);
  return { share: values.pick([0.2, 0.5, 0.8, 1]), gain: values.uniform(1, 3) };
}

/** As large as the image at times, so that places leave it. */
function drawWarp(seed: number): WarpSettings {
  const values = new SeededValues(seed);
  const radius = values.uniform(0.2, 2);
  return { grid: values.integer(2, 5), radius, step: values.uniform(0.3, 1.2) * radius };
}

/** @param warp what it has a field for */
function drawPerturbation(
  { graph: { inputShape } }: NumericCase,
  seed: number,
  warp?: WarpSettings,
): Float32Array {
  const values = new SeededValues(seed);
  const length = imageLengthOf(inputShape);
  const delta = Array.from({ length }, () => 0.1 * values.normal());
  const displacements = Array.from({ length: warp ? fieldLength(warp.grid) : 0 }, () =>
    values.normal(),
  );
  return Float32Array.from([...delta, ...displacements]);
}

/**
 * Two steps from a perturbation that came with the student, the second after a restart if the seed
 * says so, and a gradient.
 *
 * @param beside other regularisers of them
 */
export function adversaryScenario(
  kind: AdversaryKind,
  size: number,
  beside: Pick<StepSettings, "sharpness" | "headShift"> = {},
): Scenario {
  return async (session, at) => {
    const { graph, seed, student } = at;
    const adversary = drawAdversary(kind, seed);
    const universal = kind.scope === "universal";
    const patternFrom = (from: number): Float32Array | undefined =>
      kind.patterned ? drawPerturbation(at, from) : undefined;
    const { warp } = adversary;
    if (universal) session.load(student, "restart", drawPerturbation(at, seed, warp));
    await session.step(randomBatch(graph, size, seed), {
      ...SETTINGS[0],
      ...beside,
      adversary: { ...adversary, pattern: patternFrom(seed + 4) },
    });
    const restart = universal && seed % 2 === 0 ? drawPerturbation(at, seed + 1, warp) : undefined;
    await session.step(randomPixelBatch(graph, size, seed + 1), {
      ...SETTINGS[1],
      ...beside,
      adversary: { ...adversary, restart, pattern: patternFrom(seed + 5) },
    });
    const outcome = await readPerturbed(session, at);
    const images = randomBatch(graph, size, seed + 2);
    // A third of them go on from displacements that they are told.
    const told = warp && seed % 3 === 0 ? drawPerturbation(at, seed + 7, warp) : undefined;
    const field = told?.subarray(imageLengthOf(at.graph.inputShape));
    const gradient = await session.gradient(images, {
      ...SETTINGS[0],
      ...beside,
      adversary: { ...adversary, field, pattern: patternFrom(seed + 6) },
    });
    return { ...outcome, gradient };
  };
}

/** δ and φ apart, since their values are of different sizes. */
async function readPerturbed(session: Session, { graph }: NumericCase): Promise<Outcome> {
  const { results, state, perturbation } = await session.read();
  const length = imageLengthOf(graph.inputShape);
  const perturbations = perturbation && {
    perturbation: perturbation.subarray(0, length),
    ...(perturbation.length > length && { displacements: perturbation.subarray(length) }),
  };
  return { results, states: [state], ...(perturbations && { perturbations }) };
}

/** Both models' answers to perturbed images, and which way to change the perturbation. */
export function perturbedScenario(size: number): Scenario {
  return async (session, at) => {
    const images = randomBatch(at.graph, size, at.seed);
    const delta = drawPerturbation(at, at.seed + 1);
    const references = randomAnswers(at, size);
    const student = await session.perturbedLogits("student", images, delta, references);
    const teacher = await session.perturbedLogits("teacher", images, delta, references);
    const { logits } = await session.perturbedLogits("student", images, delta);
    return {
      logits: { student: student.logits, teacher: teacher.logits, "student again": logits },
      perturbations: {
        "student's gradient": student.gradient!,
        "teacher's gradient": teacher.gradient!,
      },
    };
  };
}
