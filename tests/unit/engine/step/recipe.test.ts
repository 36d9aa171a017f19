import { describe, expect, it } from "vitest";
import type { AdversarySettings } from "../../../../client/engine/adversary-settings.ts";
import type { StepSettings } from "../../../../client/engine/engine.ts";
import { compileProgram } from "../../../../client/engine/program/compile.ts";
import {
  REGULARISER_NAMES,
  regulariser,
  regularisersIn,
  type RegulariserName,
} from "../../../../client/engine/regularisers.ts";
import type { PassProgram } from "../../../../client/engine/step/passes.ts";
import { stepPasses } from "../../../../client/engine/step/passes.ts";
import {
  questionRequest,
  stepRequest,
  type StepRequest,
} from "../../../../client/engine/step/request.ts";
import { runStep, type StepParts } from "../../../../client/engine/wasm/step-interpreter.ts";
import { planExecutable } from "../../../../client/engine/webgpu/executable.ts";
import { lowerProgram } from "../../../../client/engine/webgpu/lower.ts";
import { defaultTiles, tilingOf } from "../../../../client/engine/webgpu/tiles/tiles.ts";
import type { Dispatch } from "../../../../client/engine/webgpu/wgsl/shader.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import { GraphBuilder } from "../numerics/graph-builder.ts";

const net = new GraphBuilder({ height: 3, width: 2, channels: 4 });
const features = net.relu(net.norm(net.conv(net.image, { channels: 8, kernel: 1 })));
const graph = net.graph(net.linear(net.pool(features), 3));
const layout = stateLayout(graph);
const SIZE = 6;
const GROUP = 2;
const LENGTH = 24;
const batch = { values: new Float32Array(SIZE * LENGTH), size: SIZE };
const OPTIONS = {
  graph,
  layout,
  teacher: new Float32Array(layout.length),
  normGroupSize: GROUP,
};
const PLAIN = { learningRate: 0.02, momentum: 0.9, weightDecay: 1e-3, temperature: 2 };
const TILES = defaultTiles(true, true);

/** What an adversary can be. */
function adversaries(): AdversarySettings[] {
  const pattern = new Float32Array(LENGTH);
  const warp = { grid: 2, radius: 0.5, step: 0.2 };
  const low = { share: 0.5, gain: 2 };
  const each = { weight: 0.5, share: 0.5, radius: 1, stepLength: 0.4 };
  const all: AdversarySettings[] = [];
  for (const norm of ["l2", "linf"] as const) {
    for (const ascents of [0, 1, 3]) {
      for (const own of [{}, { pattern }]) {
        const kind = { ...each, ...own, norm, ascents };
        all.push({ ...kind, scope: "universal" }, { ...kind, scope: "universal", warp });
        if (ascents > 0) all.push({ ...kind, scope: "per-image" });
        if (norm !== "l2") continue;
        all.push({ ...kind, scope: "universal", lowFrequencies: low });
        all.push({ ...kind, scope: "universal", lowFrequencies: low, warp });
      }
    }
  }
  return all;
}

/** With each regulariser or without. */
function regularised(): Partial<StepSettings>[] {
  let some: Partial<StepSettings>[] = [{}];
  for (const name of REGULARISER_NAMES) {
    const numbers = Object.fromEntries(regulariser(name).numbers.map((number) => [number, 0.1]));
    some = some.flatMap((others) => [others, { ...others, [name]: numbers }]);
  }
  return some;
}

/** A pass's program by all that decides it; of no other pass does it matter whether it ascends. */
function nameOf({ mode, copies, ascends }: PassProgram): string {
  const what = mode === "revise" && ascends === true ? " for an ascent" : "";
  return `${mode}${what} ${JSON.stringify(copies ?? "images")}`;
}

/** What the WebAssembly engine does, pass by pass. */
function onWasm(request: StepRequest, settings: StepSettings): string[] {
  const trace: string[] = [];
  const begun = { weight: 1, values: new Float32Array(), ascent: new Float32Array() };
  const parts: StepParts = {
    runner: {
      run: ({ program }) => {
        trace.push(nameOf(program));
        return { loss: 0, agreement: 0 };
      },
      evaluate: (model) => {
        trace.push(nameOf({ mode: "evaluate" }), `keep the ${model}'s answers`);
        return new Float32Array();
      },
    },
    adversary: { begin: () => begun },
    ends: { run: (end) => trace.push(end), bringBack: () => trace.push("bring back") },
  };
  runStep(parts, request, batch.values, settings);
  return trace;
}

/** What each dispatch after a pass does for it; several may make one end. */
const ENDS_OF: Readonly<Record<string, readonly string[]>> = {
  "project-rows": [],
  "project-columns": [],
  "ascend-in-ball": ["ascend"],
  "ascend-in-box": ["ascend"],
  "ascend-warp": [],
  "shift-head": ["shift-heads"],
  "sharpness-squares": [],
  "sharpness-rate": [],
  "steeper-weights": ["keep", "climb"],
  descend: ["descend"],
  decay: ["decay"],
  "bound-head": ["bound-heads"],
};

/** What a device is given, dispatch by dispatch: programs known by their code, ends by their labels. */
function onWebgpu(request: StepRequest): string[] {
  const budget = { bytes: 2 ** 31, mostGroups: Infinity };
  const { phases } = planExecutable({ graph, layout, tiles: TILES }, request, budget);
  const known = knownPrograms(request);
  return phases.flatMap((phase) => {
    const [first, ...rest] = phase;
    if (first!.label !== "upload") return phase.flatMap(endsOf);
    const keeps = rest.at(-1)!.label === "keep-answers";
    const program = known.get(codeOf(keeps ? rest.slice(0, -1) : rest)) ?? "another program";
    return keeps ? [program, "keep the teacher's answers"] : [program];
  });
}

function endsOf({ label, code }: Dispatch): readonly string[] {
  const ends = ENDS_OF[label];
  if (!ends) throw new Error(`nothing is known of '${label}'`);
  // The optimiser reads θ where it is kept.
  const returns = (label === "descend" || label === "decay") && code.includes("kept");
  return returns ? ["return", ...ends] : ends;
}

/** Names of the programs that a request may need, by their code on a device. */
function knownPrograms({ adversary, mode }: StepRequest): ReadonlyMap<string, string> {
  const copies = adversary?.copies;
  const training = mode === "supervise" ? ["supervise" as const] : (["distil", "imitate"] as const);
  const ascending: PassProgram[] = [
    { mode: "attack", copies },
    { mode: "revise", copies, ascends: true },
  ];
  const programs: PassProgram[] = [
    { mode: "evaluate" },
    ...training.map((one) => ({ mode: one, copies })),
    { mode: "revise", copies },
    ...(copies ? ascending : []),
  ];
  const somewhere = { memory: "velocity", offset: 0 } as const;
  const place = {
    targets: 0,
    answers: 0,
    first: true,
    fresh: false,
    perturbation: copies?.perImage ? ({ memory: "arena", offset: 0 } as const) : somewhere,
    pattern: somewhere,
    ascent: 0,
    low: undefined,
    warp: { field: somewhere, sums: 0, gradient: 0 },
  };
  const tiling = tilingOf(TILES);
  return new Map(
    programs.map((program) => {
      const alone = program.mode === "evaluate";
      const shape = alone
        ? { groupSize: SIZE, groups: 1 }
        : { groupSize: GROUP, groups: SIZE / GROUP };
      const compiled = compileProgram({
        graph,
        layout,
        ...program,
        batch: shape,
        tiling,
        fusesHead: () => true,
      });
      return [codeOf(lowerProgram(compiled, TILES, place)), nameOf(program)];
    }),
  );
}

function codeOf(dispatches: readonly Dispatch[]): string {
  return dispatches.map(({ code }) => code).join("\n");
}

describe("the passes of a step", () => {
  it("[D9] [D10] [D11] are the same on both engines, whatever the settings", () => {
    const kinds = [undefined, ...adversaries()];
    let steps = 0;
    for (const adversary of kinds) {
      for (const regularisers of regularised()) {
        for (const finish of ["descend", "decay"] as const) {
          const settings = { ...PLAIN, ...regularisers, adversary };
          const request = stepRequest(OPTIONS, batch, "distil", settings, finish);
          expect(onWebgpu(request), JSON.stringify(request)).toEqual(onWasm(request, settings));
          steps++;
        }
      }
    }
    expect(steps).toBe(kinds.length * 2 ** REGULARISER_NAMES.length * 2);
  });

  it("are one towards given answers", () => {
    const request = stepRequest(OPTIONS, batch, "supervise", {}, "descend");
    expect(onWasm(request, PLAIN)).toEqual([`supervise "images"`, "descend"]);
    expect(onWebgpu(request)).toEqual([`supervise "images"`, "descend"]);
  });

  it.each(["evaluate", "observe", "measure", "attack"] as const)(
    "are the one that a question asks for: %s",
    (mode) => {
      const passes = stepPasses(questionRequest(mode, batch, GROUP));
      expect(passes).toEqual([
        { mode, copies: undefined, keepsAnswers: false, fresh: false, ends: [] },
      ]);
    },
  );
});

const UNIVERSAL = {
  weight: 0.5,
  share: 0.5,
  norm: "l2",
  radius: 1,
  stepLength: 0.4,
  scope: "universal",
} as const;

/** Each pass's mode and ends. */
function recipe(
  settings: Partial<StepSettings>,
  finish: "descend" | "decay" = "descend",
): string[][] {
  const request = stepRequest(OPTIONS, batch, "distil", { ...PLAIN, ...settings }, finish);
  return stepPasses(request).map(({ mode, ends }) => [mode, ends].flat());
}

describe("the recipe of a step", () => {
  it("is one pass, of a free adversary, too", () => {
    expect(recipe({})).toEqual([["distil", "descend"]]);
    expect(recipe({}, "decay")).toEqual([["distil", "decay"]]);
    const free = { adversary: { ...UNIVERSAL, ascents: 0 } };
    expect(recipe(free)).toEqual([["distil", "ascend", "descend"]]);
  });

  it("[D9] is all ascents towards kept answers, then the step towards them", () => {
    expect(recipe({ adversary: { ...UNIVERSAL, ascents: 2 } })).toEqual([
      ["evaluate"],
      ["attack", "ascend"],
      ["attack", "ascend"],
      ["imitate", "descend"],
    ]);
  });

  it("[D10] is two passes with sharpness; a free adversary ascends after the second", () => {
    const adversary = { ...UNIVERSAL, ascents: 0 };
    expect(recipe({ sharpness: { rho: 1 }, adversary })).toEqual([
      ["evaluate"],
      ["imitate", "keep", "climb"],
      ["revise", "ascend", "return", "descend"],
    ]);
  });

  it("[D11] has a head shift after every pass that trains, and heads bound after a step alone", () => {
    const both = { sharpness: { rho: 1 }, headShift: { weight: 1 } };
    expect(recipe(both)).toEqual([
      ["evaluate"],
      ["imitate", "shift-heads", "keep", "climb"],
      ["revise", "shift-heads", "return", "descend", "bound-heads"],
    ]);
    expect(recipe({ headShift: both.headShift }, "decay")).toEqual([
      ["distil", "shift-heads", "decay"],
    ]);
  });

  it("begins with perturbations of single images at zero, once", () => {
    const adversary = { ...UNIVERSAL, scope: "per-image", ascents: 2 } as const;
    const passes = stepPasses(
      stepRequest(OPTIONS, batch, "distil", { ...PLAIN, adversary }, "descend"),
    );
    expect(passes.map(({ fresh }) => fresh)).toEqual([false, true, false, false]);
  });
});

describe("a step that breaks off", () => {
  it("brings the weights back from where a regulariser took them", () => {
    const settings = { ...PLAIN, sharpness: { rho: 1 } };
    const request = stepRequest(OPTIONS, batch, "distil", settings, "descend");
    const trace: string[] = [];
    const parts: StepParts = {
      runner: {
        run: ({ program: { mode } }) => {
          if (mode === "revise") throw new RangeError("no memory is left");
          return { loss: 0, agreement: 0 };
        },
        evaluate: () => new Float32Array(),
      },
      adversary: {
        begin: () => {
          throw new Error("this step has none");
        },
      },
      ends: { run: (end) => trace.push(end), bringBack: () => trace.push("bring back") },
    };
    const step = (): unknown => runStep(parts, request, batch.values, settings);
    expect(step).toThrow("no memory is left");
    expect(trace).toEqual(["keep", "climb", "bring back"]);
  });
});

describe("regularisers", () => {
  it("are those that settings name, in the order of their table", () => {
    const all: RegulariserName[] = ["sharpness", "headShift"];
    expect(regularisersIn({ headShift: { weight: 1 }, sharpness: { rho: 1 } })).toEqual(all);
    expect(regularisersIn({ headShift: undefined })).toEqual([]);
  });
});
