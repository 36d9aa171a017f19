import { describe, expect, it } from "vitest";
import { runRecorded } from "../recording-terminal.ts";

describe("scour privacy", () => {
  it("[M1.4] prints what each ε costs, in the cohort that was named", async () => {
    const { code, results } = await runRecorded("privacy", "--participants", "1000");
    expect(code).toBe(0);
    const lines = results[0]!.text.split("\n");
    expect(lines[0]).toBe("1,000 participants, 12 rounds, δ = 0.00001");
    expect(lines.find((line) => line.startsWith("8 "))).toMatch(
      /^8 +2\.21 +0\.00221 +1\.85 : 1 +1,849$/,
    );
  });

  it("[M1.2] says what ε a noise comes to, by chance only where both are named", async () => {
    const noisy = ["privacy", "--noise", "1.3", "--rounds", "6000", "--json"];
    const spent = async (...more: string[]): Promise<number> => {
      const { results } = await runRecorded(...noisy, ...more);
      return (results[0]!.value as { spent: { epsilon: number } }).spent.epsilon;
    };
    expect(await spent("--sampled", ".0025")).toBeCloseTo(0.7242234026, 9);
    expect(await spent()).toBeGreaterThan(1000);
    const alone = await runRecorded("privacy", "--sampled", ".1");
    expect(alone).toMatchObject({ code: 2, notes: [expect.stringContaining("--noise")] });
  });
});
