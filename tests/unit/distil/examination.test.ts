import { expect, it } from "vitest";
import { Judge } from "../../../client/distil/judge.ts";
import { NO_WEAKNESSES, type Weaknesses } from "../../../client/distil/weaknesses.ts";
import { RandomStream } from "../../../protocol/random/random-stream.ts";
import { judgingSchema } from "../../../protocol/round/judging.ts";
import { LinearSession } from "./linear-session.ts";

const SHAPE = { height: 2, width: 2, channels: 1 };
/** Class 1 where the pixels' weighted sum is small; two classes of five numbers each. */
const TEACHER = Float32Array.from([1, 2, -1, 0.5, -1, -2, 1, -0.5, -2.6, 2.6]);
const PIXELS = Uint8Array.from({ length: 20 * 4 }, (_, i) => (i * 91) % 256);

function judgeOf(): { readonly judge: Judge; readonly session: LinearSession } {
  const session = new LinearSession(SHAPE, TEACHER);
  const images = { pixels: PIXELS, count: 20, ...SHAPE };
  const indices = Uint32Array.from({ length: 8 }, (_, i) => 2 * i);
  const normalisation = { mean: [0], std: [0.5] };
  const pool = { images, indices, training: new Uint32Array(0), normalisation, batchSize: 3 };
  const judging = judgingSchema.parse({ ascents: 2 });
  const random = new RandomStream(new Uint8Array(16).fill(6));
  return { session, judge: new Judge(session, pool, judging, random) };
}

const shortcut = { class: 1, values: Float32Array.of(-9, -9, 9, -9), share: 1, reach: 1 };
/** Moves no pixel. */
const bend = { class: 1, values: new Float32Array(2 * 2 * 2), share: 1, reach: 1 };
const WEAKNESSES: Weaknesses = { ...NO_WEAKNESSES, shortcuts: [shortcut], bends: [bend] };

it("[K3.1] [K3.2] counts where the student follows what misleads the teacher, and which copies keep the clean answer", async () => {
  const { judge, session } = judgeOf();
  session.load(TEACHER);
  const own = (await judge.examine(WEAKNESSES))!;
  expect(own).toMatchObject({ images: 8, agreement: 1 });
  expect(own.shortcuts.moved).toBeGreaterThan(0);
  expect(own.shortcuts.followed).toBe(own.shortcuts.moved);
  // What a field that moves nothing leads to is the clean answer.
  expect(own.bends).toEqual({ moved: 0, followed: 0 });
  // Beside the clean images of the bend, those that the others did not lead away.
  expect(own.copies).toEqual({
    looked: 24,
    kept: 24 - own.transfer.followed - own.shortcuts.followed,
  });

  // A student that answers 0 whatever it sees.
  session.load(Float32Array.of(0, 0, 0, 0, 0, 0, 0, 0, 1, -1));
  const deaf = (await judge.examine(WEAKNESSES))!;
  expect(deaf.shortcuts).toEqual({ moved: own.shortcuts.moved, followed: 0 });
  expect(deaf.copies.kept).toBe(3 * Math.round(8 * deaf.agreement));
});

it("[K3.1] sees what a watch sees", async () => {
  const { judge, session } = judgeOf();
  session.load(TEACHER);
  const { bends: _, copies: __, shortcuts: ___, ...seen } = (await judge.examine(WEAKNESSES))!;
  expect(await judge.watch("main 0")).toEqual({ ...seen, perturbed: [] });
});
