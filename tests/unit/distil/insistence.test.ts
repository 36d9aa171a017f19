import { describe, expect, it } from "vitest";
import { Insistence } from "../../../client/distil/insistence.ts";
import { NO_WEAKNESSES, type Weaknesses } from "../../../client/distil/weaknesses.ts";
import { adversarySchema } from "../../../protocol/round/adversary.ts";
import { LinearSession } from "./linear-session.ts";

const SHAPE = { height: 2, width: 2, channels: 1 };
const COUNT = 40;
/** Answers 1 where the first pixel is bright, and 0 else; two classes of five numbers each. */
const TEACHER = Float32Array.of(-1, 0, 0, 0, 1, 0, 0, 0, 2, -2);
/** The first pixel of every image is dark. */
const PIXELS = Uint8Array.from({ length: COUNT * 4 }, (_, i) => (i % 4 === 0 ? 0 : (i * 37) % 200));

const POOL = {
  images: { pixels: PIXELS, count: COUNT, ...SHAPE },
  indices: Uint32Array.from({ length: COUNT }, (_, i) => i),
  normalisation: { mean: [0], std: [1] },
  batchSize: 16,
};

/** Brightens the first pixel by 6, by 3 where it is half as long: enough for the teacher. */
const trigger = { class: 1, values: Float32Array.of(6, 0, 0, 0), share: 1, reach: 1 };
/** Brightens another, which leads nobody anywhere. */
const idle = { class: 1, values: Float32Array.of(0, 6, 0, 0), share: 0, reach: 0.3 };
const FOUND: Weaknesses = { ...NO_WEAKNESSES, shortcuts: [trigger, idle] };

/** A student that answers 1 from so bright a first pixel on. */
const student = (from: number): Float32Array =>
  Float32Array.of(-1, 0, 0, 0, 1, 0, 0, 0, from, -from);

function insistenceOf(settings: object | null, roundImages = 20 * 40) {
  const adversary = adversarySchema.parse({ weight: 0.1, insistence: settings });
  const session = new LinearSession(SHAPE, TEACHER);
  return { session, insistence: new Insistence(session, POOL, adversary, roundImages) };
}

describe("insistence", () => {
  it("[D9.17.2] has copies weigh more the further a student follows what leads its teacher, up to a limit", async () => {
    const { insistence, session } = insistenceOf({ tolerated: 0.5, most: 1.5 });
    session.load(student(2));
    expect((await insistence.ask(FOUND, {})).weight).toBeCloseTo(0.15);
    session.load(student(4));
    // Half as long it no longer leads anywhere.
    expect((await insistence.ask(FOUND, {})).weight).toBe(0.1);
    const { insistence: patient, session: other } = insistenceOf({ tolerated: 0.5, most: 4 });
    other.load(student(2));
    expect((await patient.ask(FOUND, {})).weight).toBeCloseTo(0.2);
  });

  it("[D9.17.2] does not count what leads a student, but not its teacher", async () => {
    const { insistence, session } = insistenceOf({ tolerated: 0.1 });
    // Answers 1 from a bright second pixel on.
    session.load(Float32Array.of(0, -1, 0, 0, 0, 1, 0, 0, 1, -1));
    const { weaknesses, weight } = await insistence.ask(FOUND, {});
    expect(weight).toBe(0.1);
    expect(weaknesses.shortcuts.map(({ reach }) => reach)).toEqual([0, 1]);
  });

  it("[D9.17] [D9.17.3] draws ways by how far they lead the student", async () => {
    const { insistence, session } = insistenceOf({});
    session.load(student(2));
    const { weaknesses } = await insistence.ask(FOUND, {});
    expect(weaknesses.shortcuts).toEqual([trigger, { ...idle, reach: 0 }]);
  });

  it("[D9.17.1] asks the teacher once, and about no more than a twentieth of a round's images", async () => {
    const { insistence, session } = insistenceOf({}, 20 * 16);
    await insistence.ask(FOUND, {});
    await insistence.ask(FOUND, {});
    expect(session.teacherSaw).toHaveLength(16);
    const few = insistenceOf({}, 20 * 16 - 1);
    few.session.load(student(2));
    expect(await few.insistence.ask(FOUND, {})).toEqual({ weaknesses: FOUND, weight: 0.1 });
    expect(few.session.teacherSaw).toHaveLength(0);
  });

  it("[D9.17] is left out with `null`, where nothing was found, and refused where nothing is sought", async () => {
    const { insistence } = insistenceOf(null);
    expect(await insistence.ask(FOUND, {})).toEqual({ weaknesses: FOUND, weight: 0.1 });
    const { insistence: other } = insistenceOf({});
    expect((await other.ask(NO_WEAKNESSES, {})).weight).toBe(0.1);
    const none = { shortcuts: null, bends: null };
    expect(adversarySchema.parse({}).insistence).toBeNull();
    expect(adversarySchema.safeParse({ ...none, insistence: {} }).success).toBe(false);
  });
});
