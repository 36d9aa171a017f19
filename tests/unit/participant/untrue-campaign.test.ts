import { describe, expect, it } from "vitest";
import type { Start } from "../../../protocol/round/access.ts";
import { FakeCoordinator } from "./fake-coordinator.ts";
import { setUp } from "./set-up.ts";

/** A campaign of three probes of one round, then three rounds. */
const PROBES = {
  reinit: { strength: "auto" as const },
  probes: { strengths: [0.5, 1, 2], rounds: 1 },
};

type View = FakeCoordinator["view"];

/** Something untrue about the last student₀ that the campaign starts from. */
const lieOfStart =
  (lie: (start: Start) => Partial<Start>) =>
  ({ starts }: View): Partial<View> => ({
    starts: starts.map((start, i) =>
      i === starts.length - 1 ? Object.assign({ ...start }, lie(start)) : start,
    ),
  });

const flip = (digest: string): string => (digest.startsWith("0") ? "1" : "0") + digest.slice(1);

describe("a coordinator that lies", () => {
  for (const [what, lie] of [
    [
      "student₀",
      lieOfStart(({ initialStudent }) => ({ initialStudent: initialStudent.map(flip) })),
    ],
    [
      "a slice missing",
      lieOfStart(({ initialStudent }) => ({ initialStudent: initialStudent.slice(1) })),
    ],
    ["the mask", lieOfStart(({ maskDigest }) => ({ maskDigest: flip(maskDigest) }))],
    ["the strength", lieOfStart(({ strength }) => ({ strength: 2 * strength }))],
    ["a candidate more", ({ starts }) => ({ starts: [...starts, ...starts] })],
    ["the slices", (view) => ({ sliceLengths: [1, ...view.sliceLengths] })],
    [
      "the teacher's name",
      (view) => ({ config: { ...view.config, model: flip(view.config.model) } }),
    ],
    [
      "the seed",
      (view) => ({
        config: { ...view.config, reinit: { ...view.config.reinit, seed: "ab".repeat(32) } },
      }),
    ],
  ] satisfies [string, (view: View) => Partial<View>][]) {
    it(`[I1] about ${what} is refused before a step is taken`, async () => {
      const { coordinator, participant, training } = setUp(new FakeCoordinator(PROBES));
      Object.assign(coordinator.view, lie(coordinator.view));
      await expect(participant.run()).rejects.toMatchObject({ code: "campaign-not-verified" });
      expect(participant.status).toMatchObject({
        kind: "failed",
        hint: expect.stringContaining("Nothing more of yours is sent"),
      });
      expect(training.campaign).toBeUndefined();
      expect(coordinator.count("POST", /check-in/)).toBe(0);
    });
  }

  for (const [what, bytes] of [
    ["other bytes", (file: Uint8Array) => file.map((byte, i) => (i === 1000 ? byte ^ 1 : byte))],
    ["more bytes", (file: Uint8Array) => Uint8Array.from([...file, 0])],
  ] as const) {
    it(`[P4] about a blob's content (${what}) is refused`, async () => {
      const { coordinator, participant, training } = setUp();
      const { digest } = coordinator.view.model;
      coordinator.blobs.set(
        digest,
        bytes(coordinator.blobs.get(digest)!) as Uint8Array<ArrayBuffer>,
      );
      await expect(participant.run()).rejects.toMatchObject({ code: "campaign-not-verified" });
      expect(training.campaign).toBeUndefined();
      expect(coordinator.count("GET", /^\/blobs/)).toBeLessThanOrEqual(2);
    });
  }

  it("[P4] once about a blob, by the network's fault, is asked again", async () => {
    const { coordinator, participant } = setUp();
    const { bytes } = coordinator.view.model;
    let damaged = false;
    coordinator.interfere = ({ path }) => {
      if (damaged || !path.startsWith("/blobs/")) return undefined;
      damaged = true;
      return new Response(new Uint8Array(bytes));
    };
    await expect(participant.run()).resolves.toMatchObject({ kind: "finished" });
  });
});
