import { expect } from "vitest";
import { committed, until, type Volunteer } from "./coordinator.ts";
import { scoresOf, updateOf } from "./what-is-sent.ts";

/** Trains one round alone, with what is said of the student that it began with. */
export async function train(
  id: string,
  volunteer: Volunteer,
  round: number,
  said: { inherited: number; agreement?: number; loss?: number },
): Promise<void> {
  const { agreement = 0.9, loss = 0.5, inherited } = said;
  const scores = scoresOf(volunteer.view, { images: 64, agreement, inherited, perturbed: [] });
  const reply = await volunteer.contribute(updateOf(volunteer.view, round), { loss, scores });
  expect(reply).toMatchObject({ round });
  await until(id, committed(round + 1));
}
