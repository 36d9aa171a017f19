import { describe, expect, it } from "vitest";
import type { AdversarySettings } from "../../../../client/engine/adversary-settings.ts";
import type { StepSettings } from "../../../../client/engine/engine.ts";
import { keyOf, stepRequest, type StepRequest } from "../../../../client/engine/step/request.ts";
import { fieldLength } from "../../../../client/engine/host/warp-field.ts";
import { smallGraph } from "../small-graph.ts";

/** All that a request can have. */
const FULL: Required<StepRequest> = {
  mode: "distil",
  size: 6,
  groupSize: 2,
  input: "pixels",
  adversary: {
    norm: "l2",
    ascents: 1,
    lowFrequencies: { share: 0.25, gain: 4 },
    copies: { perGroup: 1, perImage: false, warpGrid: 8, patterned: true },
  },
  regularisers: ["sharpness"],
  finish: "descend",
};

type Path = readonly string[];

function leavesOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  return Object.entries(value).flatMap(([key, member]) => leavesOf(member, [...path, key]));
}

/** The value with another one at the end of a path. */
function changed(value: unknown, [key, ...rest]: Path, change: (leaf: unknown) => unknown): object {
  const members = value as Record<string, unknown>;
  const next = rest.length === 0 ? change(members[key!]) : changed(members[key!], rest, change);
  const copy = Array.isArray(value) ? [...value] : { ...members };
  return Object.assign(copy, { [key!]: next });
}

function another(leaf: unknown): unknown {
  if (typeof leaf === "number") return leaf + 1;
  return typeof leaf === "boolean" ? !leaf : `${String(leaf)}'`;
}

function reversed(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const members = Object.entries(value).toReversed();
  return Object.fromEntries(members.map(([key, member]) => [key, reversed(member)]));
}

describe("a request's key", () => {
  it.each(leavesOf(FULL).map((path) => path.join(".")))("is another one where %s is", (path) => {
    expect(keyOf(changed(FULL, path.split("."), another))).not.toBe(keyOf(FULL));
  });

  it("is another one without any of its members", () => {
    for (const name of Object.keys(FULL)) {
      expect(keyOf({ ...FULL, [name]: undefined }), name).not.toBe(keyOf(FULL));
    }
  });

  it("is the same for the same request, however it was made", () => {
    expect(keyOf(reversed(FULL) as StepRequest)).toBe(keyOf(FULL));
    const { adversary: _, ...plain } = FULL;
    expect(keyOf({ ...plain, adversary: undefined })).toBe(keyOf(plain));
  });
});

const { graph, layout, state } = smallGraph();
const { height, width, channels } = graph.inputShape;
const length = height * width * channels;
const SETTINGS: StepSettings = {
  learningRate: 0.02,
  momentum: 0.9,
  weightDecay: 1e-3,
  temperature: 2,
};
const ADVERSARY: AdversarySettings = {
  weight: 0.5,
  share: 0.5,
  norm: "l2",
  radius: 1,
  stepLength: 0.4,
  scope: "universal",
  ascents: 1,
};

function keyOfStep(settings: Partial<StepSettings>, size = 8): string {
  const options = { graph, layout, teacher: state, normGroupSize: 4 };
  const batch = { values: new Float32Array(size * length), size };
  return keyOf(stepRequest(options, batch, "distil", { ...SETTINGS, ...settings }, "descend"));
}

describe("steps' requests", () => {
  it("have keys of their own for whatever asks for other programs", () => {
    const adversaries: Partial<AdversarySettings>[] = [
      {},
      { share: 0.25 },
      { norm: "linf" },
      { ascents: 0 },
      { ascents: 2 },
      { scope: "per-image" },
      { warp: { grid: 2, radius: 1, step: 1 } },
      { warp: { grid: 3, radius: 1, step: 1 } },
      { pattern: new Float32Array(length) },
      { lowFrequencies: { share: 0.5, gain: 2 } },
      { lowFrequencies: { share: 0.5, gain: 3 } },
    ];
    const keys = [
      keyOfStep({}),
      keyOfStep({}, 12),
      keyOfStep({ sharpness: { rho: 1 } }),
      keyOfStep({ headShift: { weight: 1 } }),
      keyOfStep({ sharpness: { rho: 1 }, headShift: { weight: 1 } }),
      ...adversaries.map((own) => keyOfStep({ adversary: { ...ADVERSARY, ...own } })),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("share a key where only numbers differ", () => {
    const warp = { grid: 2, radius: 1, step: 1 };
    const one = { sharpness: { rho: 1 }, adversary: { ...ADVERSARY, warp } };
    const field = new Float32Array(fieldLength(2));
    const other = {
      learningRate: 1,
      temperature: 4,
      sharpness: { rho: 2 },
      adversary: { ...ADVERSARY, weight: 1, radius: 2, stepLength: 1, warp, field },
    };
    expect(keyOfStep(other)).toBe(keyOfStep(one));
  });
});
