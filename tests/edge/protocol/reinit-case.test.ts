import { expect, it } from "vitest";
import { EXPECTED, runReinitCase } from "../../fixtures/reinit-case.ts";

it("[I4] gives the committed student₀ and mask in workerd", () => {
  expect(runReinitCase()).toEqual(EXPECTED);
});
