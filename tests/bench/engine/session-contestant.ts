import type { Engine } from "../../../client/engine/engine.ts";
import type { Contestant } from "./contestant.ts";
import type { DistillationCase } from "./distillation-case.ts";

/** Whatever stands behind the project's own seam. */
export function sessionContestant(engine: Engine, problem: DistillationCase): Contestant {
  const { graph, layout, teacher, student, batches, settings } = problem;
  const session = engine.openSession({ graph, layout, teacher });
  session.load(student);
  return {
    adapter: engine.adapter,
    step: (index) => session.step(batches[index % batches.length]!, settings),
    losses: async () => (await session.results()).map(({ loss }) => loss),
  };
}
