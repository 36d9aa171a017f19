import type { Engine, Session, SessionOptions } from "../../../client/engine/engine.ts";
import type { Contestant } from "./contestant.ts";
import type { DistillationProblem } from "./distillation-case.ts";

/** Whatever stands behind the project's own seam, or behind as much of it as is measured. */
interface MeasuredEngine extends Pick<Engine, "adapter"> {
  openSession(options: SessionOptions): Pick<Session, "load" | "step" | "results">;
}

export function sessionContestant(
  engine: MeasuredEngine,
  problem: DistillationProblem,
): Contestant {
  const { graph, layout, teacher, student, batches, optimizer, settings } = problem;
  const session = engine.openSession({ graph, layout, teacher, optimizer });
  session.load(student);
  return {
    adapter: engine.adapter,
    step: (index) => session.step(batches[index % batches.length]!, settings),
    losses: async () => (await session.results()).map(({ loss }) => loss),
  };
}
