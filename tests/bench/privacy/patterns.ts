import assert from "node:assert/strict";
import { ProtocolError } from "../../../protocol/errors.ts";
import {
  patterns,
  players,
  rotated,
  runSession,
  STAGES,
  staysHidden,
  type LeavesBefore,
} from "../../unit/protocol/privacy/masked-session.ts";
import { makePeople, roundOf, type Person } from "../../unit/protocol/privacy/people.ts";

const RANDOM = 60;
const MOST = 32;

/** Every way in which three to six may leave, and random ones: exact sums, or nothing (SPEC M7). */
export async function everyPattern(note: (line: string) => void): Promise<void> {
  for (const n of [3, 4, 5, 6]) {
    const people = await makePeople(n);
    const all = patterns(n);
    let exact = 0;
    for (const [i, pattern] of all.entries())
      exact += await tryPattern(people, rotated(pattern, i));
    note(`${n} participants: ${all.length} patterns, ${exact} sums exact, the others hidden`);
  }
  let exact = 0;
  for (let i = 0; i < RANDOM; i++) {
    const n = 7 + ((i * 5) % (MOST - 6));
    const leaves = Array.from({ length: n }, () =>
      Math.random() < 0.85 ? "never" : STAGES[Math.floor(Math.random() * STAGES.length)]!,
    );
    exact += await tryPattern(await makePeople(n), leaves);
  }
  note(
    `7 to ${MOST} participants: ${RANDOM} random patterns, ${exact} sums exact, the others hidden`,
  );
}

async function tryPattern(
  people: readonly Person[],
  leaves: readonly LeavesBefore[],
): Promise<0 | 1> {
  const { players: all, session } = await players(people, roundOf(people), leaves);
  if (staysHidden(all, session)) {
    await assert.rejects(
      runSession(all, session),
      (error) => error instanceof ProtocolError && error.code === "unsafe-sum",
    );
    return 0;
  }
  const { expected, sum } = await runSession(all, session);
  assert.deepEqual(sum, expected);
  return 1;
}
