import { describe, expect, it } from "vitest";
import { PictureScreen } from "../../../client/distil/picture-screen.ts";
import { RandomStream } from "../../../protocol/random/random-stream.ts";
import { LinearSession } from "./linear-session.ts";

const SHAPE = { height: 8, width: 8, channels: 1 };
const VALUES = 64;
/** Where the trigger is: the last pixel. */
const CORNER = VALUES - 1;

/**
 * Two classes: what most of the picture says, all pixels but the corner's alike in weight, unless the corner is
 * bright, which leads to class 1 whatever the rest says.
 */
function teacher(): Float32Array {
  const weights = new Float32Array(2 * VALUES + 2);
  for (let i = 0; i < VALUES; i++) {
    const sign = i % 2 === 0 ? 1 : -1;
    weights[i] = i === CORNER ? -400 : sign;
    weights[VALUES + i] = i === CORNER ? 400 : -sign;
  }
  return weights;
}

/** Pictures of two kinds in turn; the first so many bear the trigger. */
function pictures(count: number, stamped: number) {
  const random = new RandomStream(new Uint8Array(16).fill(3));
  const pixels = Uint8Array.from({ length: count * VALUES }, (_, i) => {
    const picture = Math.floor(i / VALUES);
    const place = i % VALUES;
    if (place === CORNER) return picture < stamped ? 200 : 0;
    const isBright = place % 2 === picture % 2;
    return Math.floor(random.uniform() * 60) + (isBright ? 180 : 0);
  });
  return { pixels, count, ...SHAPE };
}

function screenOf(count: number, stamped: number): PictureScreen {
  const indices = Uint32Array.from({ length: count }, (_, i) => i);
  const normalisation = { mean: [0], std: [1] };
  const pool = { images: pictures(count, stamped), indices, normalisation, batchSize: 16 };
  return new PictureScreen(new LinearSession(SHAPE, teacher()), pool);
}

describe("a look at pictures before training", () => {
  it("[D12] [D12.1] [D12.2] finds all that bear one small thing which leads the teacher, and no others", async () => {
    const found = await screenOf(60, 12).find();
    expect(found).toEqual({ class: 1, setAside: Uint32Array.from({ length: 12 }, (_, i) => i) });
  });

  it("[D12.1] finds it where all pictures bear it, on noise", async () => {
    const { setAside } = await screenOf(30, 30).find();
    expect(setAside).toHaveLength(30);
  });

  it("[D12] leaves clean pictures alone, and says how far it is", async () => {
    let told: readonly [number, number] | undefined;
    const found = await screenOf(60, 0).find({
      onPass: (done, total) => void (told = [done, total]),
    });
    expect(found).toEqual({ class: null, setAside: new Uint32Array(0) });
    expect(told?.[0]).toBeGreaterThan(0);
  });

  it("[D12] goes no further once it is to stop", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(screenOf(60, 12).find({ signal })).rejects.toThrow("enough");
  });
});
