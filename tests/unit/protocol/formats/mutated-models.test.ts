import { describe, expect, it } from "vitest";
import { mutatedModel } from "../../../fixtures/mutated-models/mutate.ts";
import { readAll } from "../../../fixtures/mutated-models/read-all.ts";
import { sample, SAMPLES } from "../../../fixtures/mutated-models/samples.ts";
import { Random } from "../../../bench/doors/random.ts";

/** `npm run fuzz:models` goes on with this. */
const CASES = 150;

describe("a model file with something wrong in it", () => {
  it.each(SAMPLES)("is read or refused: %s", async (name) => {
    const bytes = await sample(name);
    expect(await readAll(bytes)).toBe("read");
    const came = { read: 0, refused: 0 };
    for (let number = 0; number < CASES; number++) {
      came[await readAll(await mutatedModel(bytes, new Random(name, number)))]++;
    }
    expect(came.read).toBeGreaterThan(0);
    expect(came.refused).toBeGreaterThan(CASES / 4);
  });
});
