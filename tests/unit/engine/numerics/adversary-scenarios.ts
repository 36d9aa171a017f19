import type { AdversarySettings, Session } from "../../../../client/engine/engine.ts";
import type { NumericCase, Outcome, Scenario } from "./numeric-case.ts";
import { randomBatch, randomPixelBatch } from "./random-graph.ts";
import { randomAnswers, SETTINGS } from "./scenarios.ts";
import { SeededValues } from "./seeded-values.ts";

/** What an adversary is drawn from; all else comes from the seed. */
export type AdversaryKind = Pick<AdversarySettings, "norm" | "scope" | "ascents">;

export const ADVERSARIES: readonly AdversaryKind[] = [
  { norm: "l2", scope: "universal", ascents: 0 },
  { norm: "linf", scope: "universal", ascents: 0 },
  { norm: "l2", scope: "universal", ascents: 1 },
  { norm: "linf", scope: "universal", ascents: 2 },
  { norm: "l2", scope: "per-image", ascents: 2 },
  { norm: "linf", scope: "per-image", ascents: 1 },
];

function drawAdversary(kind: AdversaryKind, seed: number): AdversarySettings {
  const values = new SeededValues(seed);
  const large = kind.norm === "l2" ? 1 : 0.2;
  return {
    ...kind,
    weight: values.uniform(0.2, 1.5),
    share: values.pick([0.2, 0.5, 0.7, 1]),
    // As often as not one step leaves the ball.
    radius: values.uniform(0.5, 2) * large,
    stepLength: values.uniform(0.3, 1.5) * large,
  };
}

function drawPerturbation({ graph: { inputShape } }: NumericCase, seed: number): Float32Array {
  const values = new SeededValues(seed);
  const { height, width, channels } = inputShape;
  return Float32Array.from({ length: height * width * channels }, () => 0.1 * values.normal());
}

/**
 * Two steps from a perturbation that came with the student, the second after a restart if the seed
 * says so, and a gradient.
 */
export function adversaryScenario(kind: AdversaryKind, size: number): Scenario {
  return async (session, at) => {
    const { graph, seed, student } = at;
    const adversary = drawAdversary(kind, seed);
    const universal = kind.scope === "universal";
    if (universal) session.load(student, "restart", drawPerturbation(at, seed));
    await session.step(randomBatch(graph, size, seed), { ...SETTINGS[0], adversary });
    const restart = universal && seed % 2 === 0 ? drawPerturbation(at, seed + 1) : undefined;
    await session.step(randomPixelBatch(graph, size, seed + 1), {
      ...SETTINGS[1],
      adversary: { ...adversary, restart },
    });
    const outcome = await readPerturbed(session);
    const images = randomBatch(graph, size, seed + 2);
    const gradient = await session.gradient(images, { ...SETTINGS[0], adversary });
    return { ...outcome, gradient };
  };
}

async function readPerturbed(session: Session): Promise<Outcome> {
  const { results, state, perturbation } = await session.read();
  const perturbations = perturbation ? { perturbation } : {};
  return { results, states: [state], perturbations };
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
