import type { StepResult, StepSettings } from "../engine.ts";
import { programOf, stepPasses, trains } from "../step/passes.ts";
import type { StepRequest } from "../step/request.ts";
import type { Adversary } from "./adversary.ts";
import type { BatchRunner } from "./batch-runner.ts";
import type { StepEnds } from "./step-ends.ts";

/** What the recipe's parts are done by. */
export interface StepParts {
  readonly runner: Pick<BatchRunner, "run" | "evaluate">;
  readonly adversary: Pick<Adversary, "begin">;
  readonly ends: Pick<StepEnds, "run" | "bringBack">;
}

/**
 * Takes the recipe of a step pass by pass: each is run over the whole batch, then what follows it is
 * done.
 *
 * @param values the request's images, `[N, H, W, C]`
 * @param settings that were checked
 * @param targets `[N, classes]`, given answers in the teacher's place
 * @returns what the student answered at the weights that it had before
 */
export function runStep(
  { runner, adversary, ends }: StepParts,
  request: StepRequest,
  values: Float32Array,
  settings: StepSettings,
  targets?: Float32Array,
): StepResult {
  const { size, groupSize } = request;
  const perturbations = request.adversary && adversary.begin(request, settings.adversary!);
  const step = { settings, perturbations };
  let given = targets;
  let result: StepResult | undefined;
  try {
    for (const pass of stepPasses(request)) {
      if (pass.keepsAnswers) {
        given = runner.evaluate("teacher", values, size);
      } else {
        const temperature = pass.mode === "attack" ? 1 : settings.temperature;
        const images = { values, size, groupSize };
        const program = programOf(pass);
        const told = runner.run({ ...images, program, temperature, given, perturbations });
        if (trains(program)) result ??= told;
      }
      for (const end of pass.ends) ends.run(end, step);
    }
  } catch (error) {
    ends.bringBack();
    throw error;
  }
  return result!;
}
