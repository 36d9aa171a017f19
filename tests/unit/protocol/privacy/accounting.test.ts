import { describe, expect, it } from "vitest";
import {
  concentratedAfter,
  epsilonAfter,
  epsilonOfConcentrated,
  noiseFor,
} from "../../../../protocol/privacy/accounting/epsilon.ts";
import { whatEpsilonCosts } from "../../../../protocol/privacy/accounting/epsilon-costs.ts";
import { renyiDivergence } from "../../../../protocol/privacy/accounting/renyi.ts";

const EVERYBODY = { kind: "everybody" } as const;
const drawn = (rate: number) => ({ kind: "poisson", rate }) as const;

const spent = (noiseMultiplier: number, rate: number, rounds: number, delta: number) =>
  epsilonAfter({ noiseMultiplier, sampling: drawn(rate), rounds, delta });

const spentIn20 = (noise: number) => epsilonOfConcentrated(concentratedAfter(noise, 20), 1e-6);

describe("accounting of noise", () => {
  it("[M1.1] has the divergences that integrating the definition in 160,000 steps gives", () => {
    expect(renyiDivergence(7, 1.1, drawn(0.03))).toBeCloseTo(0.006132435752341237, 12);
    expect(renyiDivergence(3.7, 1.1, drawn(0.03))).toBeCloseTo(0.002347700910241716, 12);
  });

  it("[M1.1] goes over from orders between integers to integers without a step", () => {
    for (const [rate, sigma] of [
      [0.5, 0.3],
      [0.001, 4],
      [0.1, 40],
    ] as const) {
      for (const order of [2, 11, 64]) {
        const at = renyiDivergence(order, sigma, drawn(rate));
        expect(renyiDivergence(order + 1e-7, sigma, drawn(rate)) / at).toBeCloseTo(1, 5);
      }
    }
  });

  it("[M1.1] counts drawing by chance only for what it hides", () => {
    expect(renyiDivergence(4, 2, EVERYBODY)).toBe(0.5);
    expect(renyiDivergence(4, 2, drawn(1))).toBe(0.5);
    expect(renyiDivergence(4, 2, drawn(0))).toBe(0);
    expect(renyiDivergence(4, 2, drawn(0.5))).toBeLessThan(0.5);
  });

  it("[M1.2] comes to what the field's accountants have published", () => {
    expect(spent(1.3, 0.0025, 6000, 1e-5)).toMatchObject({ order: 19 });
    expect(spent(1.3, 0.0025, 6000, 1e-5).epsilon).toBeCloseTo(0.7242234026, 9);
    expect(spent(1.5, 0.04, 2250, 1e-5).epsilon).toBeCloseTo(7.32911117143, 9);
    expect(spent(4.530877117, 1, 1, 1e-6).epsilon).toBeCloseTo(1, 6);
  });

  it("[M1.3] comes to no more by zCDP than by single orders or by Bun and Steinke's bound", () => {
    for (const [sigma, rounds] of [
      [0.6, 3],
      [2, 12],
      [20, 300],
    ] as const) {
      const rho = concentratedAfter(sigma, rounds);
      const epsilon = epsilonOfConcentrated(rho, 1e-5);
      const { epsilon: byOrders } = epsilonAfter({
        noiseMultiplier: sigma,
        sampling: EVERYBODY,
        rounds,
        delta: 1e-5,
      });
      expect(epsilon).toBeLessThanOrEqual(byOrders + 1e-12);
      expect(byOrders / epsilon).toBeLessThan(1.01);
      expect(epsilon).toBeLessThan(rho + 2 * Math.sqrt(rho * Math.log(1e5)));
    }
    expect(epsilonOfConcentrated(0, 1e-5)).toBe(0);
  });

  it("[M1.3] finds the least noise that stays within ε", () => {
    const terms = { epsilon: 3, delta: 1e-6, rounds: 20 };
    const sigma = noiseFor(terms);
    expect(spentIn20(sigma)).toBeLessThanOrEqual(3);
    expect(spentIn20(sigma * 0.999)).toBeGreaterThan(3);
  });

  it("[M1.4] says how loud the noise of small cohorts is", () => {
    const campaign = { rounds: 12, values: 700_000, clipNorm: 0.5, delta: 1e-5 };
    const [of8] = whatEpsilonCosts({ ...campaign, participants: 8 }, [8]);
    const [of16] = whatEpsilonCosts({ ...campaign, participants: 16 }, [8]);
    expect(of8!.noisePerValue).toBeCloseTo((of8!.noiseMultiplier * 0.5) / 8, 12);
    expect(of8!.noiseToUpdate).toBeGreaterThan(100);
    expect(of8!.noiseToUpdate / of16!.noiseToUpdate).toBeCloseTo(2, 9);
    expect(of8!.participantsForOne).toBe(of16!.participantsForOne);
  });

  it("refuses orders, noise, rates and δ that there are not", () => {
    expect(() => renyiDivergence(1, 1, EVERYBODY)).toThrow(/above 1/);
    expect(() => renyiDivergence(2, 0, EVERYBODY)).toThrow(/above 0/);
    expect(() => renyiDivergence(2, 1, drawn(1.5))).toThrow(/0 to 1/);
    expect(() => epsilonOfConcentrated(1, 0)).toThrow(/between 0 and 1/);
    expect(() => noiseFor({ epsilon: 0, delta: 1e-5, rounds: 1 })).toThrow(/above 0/);
  });
});
