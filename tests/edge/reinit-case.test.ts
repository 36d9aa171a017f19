import { expect, it } from "vitest";
import { EXPECTED, runReinitCase } from "../fixtures/reinit-case.ts";

it("[I4] workerd gives the same bits as every other engine", () => {
  expect(runReinitCase()).toEqual(EXPECTED);
});
