import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Projects one after another, since a worker is shared by the files of one; the last with the shortest. */
const PROJECTS = ["unit-mocked", "edge", "unit"];

/**
 * Files that take half a minute and more, the longest first: what is begun last must be short, or a core
 * has nothing to do in the end. Vitest knows no times in a clean clone, and goes by files' sizes.
 */
const LONGEST = [
  "integration/whole-job.test.ts",
  "integration/tab.test.ts",
  "integration/serve.test.ts",
  "integration/crash.test.ts",
  "integration/doors-kills.test.ts",
  "integration/doors-fuzz.test.ts",
  "engine/numerics/webgpu.test.ts",
  "engine/wasm/wasm-numerics.test.ts",
  "engine/webgpu/tiles/tiles.test.ts",
  "engine/webgpu/default-campaign.test.ts",
  "engine/webgpu/half-precision.test.ts",
  "engine/numerics/reference-adversary.test.ts",
  "engine/numerics/reference-network.test.ts",
];

function place({ moduleId, project }: TestSpecification): [project: number, file: number] {
  const known = LONGEST.findIndex((path) => moduleId.endsWith(path));
  return [PROJECTS.indexOf(project.name), known < 0 ? LONGEST.length : known];
}

/** First what takes longest, within each project. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => {
      const [projectOfA, placeOfA] = place(a);
      const [projectOfB, placeOfB] = place(b);
      return projectOfA - projectOfB || placeOfA - placeOfB;
    });
  }
}
