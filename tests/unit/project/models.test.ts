import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { modelsDocument } from "../../../scripts/models/document.ts";
import { PROJECT } from "./project-files.ts";

it("docs/MODELS.md is what `npm run models` writes, and the README names it", () => {
  expect(readFileSync(join(PROJECT, "docs/MODELS.md"), "utf8")).toBe(modelsDocument());
  expect(readFileSync(join(PROJECT, "README.md"), "utf8")).toContain("(docs/MODELS.md)");
});
