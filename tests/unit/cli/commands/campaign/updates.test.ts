import { describe, expect, it } from "vitest";
import { updateTable } from "../../../../../client/cli/commands/campaign/updates.ts";

describe("the table of updates", () => {
  it("[O5] tells norm and what was taken of each, and marks those that were clipped", () => {
    const size = { norm: 0.01234, statisticsNorm: 4.5, factor: 1, statisticsFactor: 1 };
    const one = { round: 7, attempt: 0, weight: 384 };
    const lines = updateTable([
      { ...one, participant: "p-a", size },
      { ...one, participant: "p-b", size: { ...size, norm: 1.5e30, factor: 8e-33 } },
      { ...one, participant: "p-c", size: null },
    ]).split("\n");
    expect(lines[1]).toMatch(/^8 +1 +p-a +384 +0\.0123 +100\.0 % +4\.5 +100\.0 %$/);
    expect(lines[2]).toMatch(/p-b +384 +1\.5e\+30 +0\.0 % .* clipped$/);
    expect(lines[3]).toMatch(/p-c +384 +– +– +– +–$/);
  });

  it("says so where there are none", () => {
    expect(updateTable([])).toBe("No updates yet.");
  });
});
