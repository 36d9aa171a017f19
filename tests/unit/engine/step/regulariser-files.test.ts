import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { REGULARISER_NAMES, type RegulariserName } from "../../../../client/engine/regularisers.ts";
import { PROJECT, projectFiles } from "../../project/project-files.ts";

/** What every regulariser is written in, but for its shader. */
const COMMON = [
  "client/cli/settings/distillation.ts",
  "client/engine/regularisers.ts",
  "client/engine/wasm/regularisers.ts",
  "client/engine/webgpu/regularisers.ts",
  "protocol/round/regularisers.ts",
];

const SHADERS: Readonly<Record<RegulariserName, string>> = {
  sharpness: "client/engine/webgpu/wgsl/sharpness.ts",
  headShift: "client/engine/webgpu/wgsl/head-shift.ts",
};

/** By any of the names that code has for it: `headShift`, `HeadShift`, `head-shift`, `head_shift`. */
function namesOf(name: RegulariserName): RegExp {
  return new RegExp(name.replaceAll(/[A-Z]/g, "[-_ ]?$&"), "i");
}

/** Names the regularisers that older campaigns are without; one with an optional member needs none. */
const HISTORY = "edge/campaign/store/config-upgrades.ts";
/** Of pictures. */
const OTHER_SHARPNESS = "client/attack/bicubic.ts";

const product = projectFiles().filter((path) => /^(?:client|edge|protocol)\/.*\.tsx?$/.test(path));

it.each(REGULARISER_NAMES)("a regulariser is written in six files: %s", (name) => {
  const named = product.filter(
    (path) =>
      path !== HISTORY &&
      path !== OTHER_SHARPNESS &&
      namesOf(name).test(readFileSync(join(PROJECT, path), "utf8")),
  );
  expect(named.toSorted()).toEqual([...COMMON, SHADERS[name]].toSorted());
});
