import { describe, expect, it } from "vitest";
import { roundOf, statusText } from "../../../client/web/join/status-text.ts";
import type { CampaignPart } from "../../../client/participant/status.ts";

const PROBE: CampaignPart = { kind: "probe", number: 2, of: 3 };

describe("what a volunteer reads", () => {
  it("says which trial is trained, and nothing of trials where there are none", () => {
    const training = { kind: "training", round: 4, attempt: 0, step: 3, localSteps: 20 } as const;
    const figures = { loss: 0.5, imagesPerSecond: 80 };
    expect(statusText({ ...training, ...figures, part: PROBE })).toBe(
      "Trial 2 of 3. Training: step 3 of 20",
    );
    expect(statusText({ ...training, ...figures, part: { kind: "main" } })).toBe(
      "Training: step 3 of 20",
    );
  });

  it("says of judging that the student is tested, on what, and how far it is", () => {
    const judging = { kind: "judging", round: 4, attempt: 0, totalPasses: 38 } as const;
    expect(statusText({ ...judging, part: PROBE, passes: 19 })).toBe(
      "Trial 2 of 3. Testing the student on images of yours that it was not trained on: 50 %",
    );
    expect(roundOf({ ...judging, part: PROBE, passes: 0 })).toBe(4);
  });

  it("[D9] says of a search what it is for and how far it is", () => {
    const status = { kind: "seeking", searches: 3, totalSearches: 19 } as const;
    expect(statusText(status)).toBe("Finding out what misleads the model, once: 15 %");
    expect(roundOf(status)).toBeNull();
  });

  it("[F2] says that pictures do not fit, of no round", () => {
    const misfit = { cause: "pictures", detail: "they are far away" } as const;
    const asking = { kind: "asking", misfit } as const;
    expect(statusText(asking)).toBe(
      "Your pictures do not look like what this model was trained on.",
    );
    expect(roundOf(asking)).toBeNull();
    expect(statusText({ kind: "fitting" })).toContain("what it makes of your images");
  });

  it("[B2] says of statistics what is measured and how far it is", () => {
    const status = {
      kind: "statistics",
      round: 0,
      attempt: 0,
      images: 48,
      totalImages: 64,
    } as const;
    expect(statusText(status)).toBe("Measuring statistics of your images with the model: 75 %");
    expect(roundOf(status)).toBe(0);
  });

  it("counts no bytes where scores travel alone", () => {
    const uploading = { kind: "uploading", round: 4 } as const;
    expect(statusText({ ...uploading, bytes: 0, totalBytes: 0 })).toBe(
      "Sending the test's results…",
    );
    expect(statusText({ ...uploading, bytes: 0, totalBytes: 2_000_000 })).toContain("0 B of 2");
  });
});
