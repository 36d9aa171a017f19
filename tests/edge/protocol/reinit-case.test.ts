import { expect, it } from "vitest";
import {
  EXPECTED,
  EXPECTED_SCORES,
  runReinitCase,
  runScoresCase,
} from "../../fixtures/reinit-case.ts";

it("[I4] gives the committed student₀ and mask in workerd", () => {
  expect(runReinitCase()).toEqual(EXPECTED);
});

it("[I9.2] [I9.3] [I10] gives the committed scores and masks in workerd", () => {
  expect(runScoresCase()).toEqual(EXPECTED_SCORES);
});
