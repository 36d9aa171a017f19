import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  readGoldenCase,
  type GoldenCase,
  type GoldenRun,
} from "../../../scripts/golden/golden-case.ts";

const FOLDER = join(import.meta.dirname, "../../fixtures/golden-w4");

/** The recorded run of tests/fixtures/golden-w4. */
export async function goldenW4(): Promise<GoldenCase> {
  const recorded = JSON.parse(await readFile(join(FOLDER, "run.json"), "utf8")) as GoldenRun;
  return readGoldenCase((path) => readFile(join(FOLDER, path)), recorded);
}
