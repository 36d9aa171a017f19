import { describe, expect, it } from "vitest";
import { campaignConfigSchema } from "../../../../protocol/round/campaign-config.ts";
import { CommandError } from "../../../../client/cli/command-error.ts";
import {
  benchRuns,
  plannedImages,
  runsToDo,
  type BenchSettings,
} from "../../../bench/cleanse/bench-run.ts";
import { parseSetting } from "../../../bench/cleanse/config-patch.ts";
import { Forecast } from "../../../bench/cleanse/forecast.ts";
import type { LoadedCase } from "../../../bench/cleanse/load-case.ts";
import { storedOtherwise } from "../../../bench/cleanse/stored-otherwise.ts";
import { STRATEGIES } from "../../../bench/cleanse/strategies.ts";
import { aResult } from "./a-result.ts";
import { smallCase } from "./small-case.ts";

const small = smallCase();

function runs(changes: Partial<BenchSettings> = {}, loaded: LoadedCase = small) {
  return benchRuns([loaded], {
    strategies: ["default"],
    seeds: [1],
    participants: 4,
    poolSize: null,
    skew: null,
    swappedPool: false,
    set: [],
    ...changes,
  });
}

describe("the strategies", () => {
  it.each(Object.entries(STRATEGIES))("%s is a campaign that can be created", (name, strategy) => {
    const [run] = runs({ strategies: [name] });
    expect(campaignConfigSchema.parse(run!.input)).toEqual(run!.config);
    if (strategy.kind === "control") return;
    expect(run!.config).toMatchObject(JSON.parse(JSON.stringify(strategy.patch)));
  });

  it("differ from one another", () => {
    const campaigns = Object.entries(STRATEGIES).filter(([, { kind }]) => kind === "campaign");
    const configs = campaigns.map(([name]) => {
      const { name: _, ...config } = runs({ strategies: [name] })[0]!.config;
      return JSON.stringify(config);
    });
    expect(new Set(configs).size).toBe(campaigns.length);
  });

  it("begin with what a campaign created without options does", () => {
    const { config, input } = runs()[0]!;
    const { model, preprocessing } = input;
    const plain = campaignConfigSchema.parse({ model, preprocessing });
    for (const part of ["distillation", "judging", "probes", "aggregation", "codec"] as const) {
      expect(config[part]).toEqual(plain[part]);
    }
    expect({ ...config.reinit, seed: undefined }).toEqual({ ...plain.reinit, seed: undefined });
  });

  it("never mirror images of a case that must not be", () => {
    const [run] = runs({ strategies: ["bcu"] }, smallCase({ flip: false }));
    const { adversary, augmentation } = run!.config.distillation;
    expect(augmentation.horizontalFlip).toBe(false);
    expect(adversary).toBeNull();
  });

  it("that is not known is refused with those that are", () => {
    expect(() => runs({ strategies: ["bcu3"] })).toThrow("there is no strategy 'bcu3'");
    expect(() => runs({ strategies: ["toString"] })).toThrow("there is no strategy");
  });
});

describe("a setting", () => {
  it("goes over the strategy", () => {
    const set = ["reinit.strength=2.5", "distillation.adversary.norm=linf", "name=tried"];
    const [run] = runs({ strategies: ["lipschitz"], set: set.map(parseSetting) });
    expect(run!.config).toMatchObject({
      name: "tried",
      reinit: { strength: 2.5, strategy: { kind: "lipschitz" } },
      distillation: { adversary: { norm: "linf" } },
    });
  });

  describe("of what a strategy switched off", () => {
    const weight = parseSetting("distillation.adversary.weight=0.3");
    const refused = () => runs({ strategies: ["default", "bcu"], set: [weight] });

    it("is refused, and what to do is said", () => {
      expect(refused).toThrow(CommandError);
      expect(refused).toThrow(
        "--set distillation.adversary.weight=0.3: the strategy bcu switches distillation.adversary off (null)",
      );
      expect(refused).toThrow(
        expect.objectContaining({
          advice: expect.stringMatching(/Leave bcu out .* --set distillation\.adversary=\{\} /),
        }),
      );
      const inner = parseSetting("distillation.adversary.lowFrequencies.gain=3");
      expect(() => runs({ strategies: ["round-ball"], set: [inner] })).toThrow(
        "round-ball switches distillation.adversary.lowFrequencies off",
      );
    });

    it("is taken when it is switched on first, as the advice says", () => {
      const set = [parseSetting("distillation.adversary={}"), weight];
      const [run] = runs({ strategies: ["bcu"], set });
      const { adversary } = runs()[0]!.config.distillation;
      expect(run!.config.distillation.adversary).toEqual({ ...adversary, weight: 0.3 });
    });

    it("is refused after another setting did so, and may itself do so", () => {
      const off = parseSetting("distillation.adversary=null");
      expect(() => runs({ set: [off, weight] })).toThrow("an earlier --set switches");
      expect(runs({ set: [weight, off] })[0]!.config.distillation.adversary).toBeNull();
    });

    it("is no such thing where it is off by default alone", () => {
      const [run] = runs({ set: [parseSetting("distillation.sharpness.rho=0.1")] });
      expect(run!.config.distillation.sharpness).toMatchObject({ rho: 0.1 });
    });
  });

  it.each(["distillation.rounds", "=3", "a..b=3", ".a=1"])("%s is not one", (text) => {
    expect(() => parseSetting(text)).toThrow(/must be path=value/);
  });

  it("that campaigns do not take is named", () => {
    const none = [parseSetting("distillation.rounds=0")];
    expect(() => runs({ set: none })).toThrow(/distillation\.rounds/);
    const unknown = [parseSetting("distillation.epochs=3")];
    expect(() => runs({ set: unknown })).toThrow(/epochs/);
  });
});

describe("a run's name", () => {
  it("stays while nothing changes, and changes with every input and setting", () => {
    const other: LoadedCase = {
      ...small,
      digests: { ...small.digests, triggered: "e".repeat(64) },
    };
    const names = [
      runs(),
      runs({ strategies: ["bcu"] }),
      runs({ seeds: [2] }),
      runs({ participants: 5 }),
      runs({ poolSize: 16 }),
      runs({ skew: 0.1 }),
      runs({ set: [parseSetting("distillation.learningRate=0.05")] }),
      runs({}, other),
      runs({}, { ...small, target: 3 }),
    ].map(([run]) => run!.name);
    expect(new Set(names).size).toBe(names.length);
    expect(runs()[0]!.name).toBe(names[0]);
  });

  it("does not depend on what the case is called or where it lies", () => {
    const moved = { ...small, spec: { ...small.spec, name: "moved", pool: "elsewhere.bin" } };
    expect(runs({}, moved)[0]!.name).toBe(runs()[0]!.name);
  });
});

describe("runs to do", () => {
  it("are those that are not done, each once", () => {
    const all = runs({ strategies: ["default", "bcu", "default"], seeds: [1, 2] });
    expect(all).toHaveLength(6);
    const todo = runsToDo(all, [{ run: all[0]!.name }]);
    expect(todo.map(({ strategyName, seed }) => `${strategyName} ${seed}`)).toEqual([
      "bcu 1",
      "default 2",
      "bcu 2",
    ]);
    expect(
      runsToDo(
        all,
        todo.concat(all[0]!).map(({ name }) => ({ run: name })),
      ),
    ).toEqual([]);
  });

  it("leave out those that are stored by another name, and it is said by which", () => {
    const set = [parseSetting("distillation.momentum=0.9")];
    const asked = runs({ strategies: ["default", "bcu"], seeds: [1, 2], set });
    const done = runs({ seeds: [1, 2] }).map(({ name, seed }) =>
      aResult({ run: name, case: "small", seed }),
    );
    expect(runsToDo(asked, done).map(({ strategyName }) => strategyName)).toEqual(["bcu", "bcu"]);
    expect(storedOtherwise(asked, done)).toEqual([
      "small, default --set distillation.momentum=0.9: 2 runs are stored as small, default.",
    ]);
    expect(storedOtherwise(asked, [{ ...done[0]!, case: "before" }])).toEqual([
      "small, default --set distillation.momentum=0.9: 1 run is stored as before, default.",
    ]);
    const same = [{ ...done[0]!, overrides: set.map(({ text }) => text) }];
    expect(storedOtherwise(asked, same)).toEqual([]);
  });

  it("count the images of probes", () => {
    const set = [
      "distillation.rounds=10",
      "distillation.localSteps=5",
      "distillation.batchSize=8",
      'probes={"strengths":[0,1],"rounds":2}',
    ].map(parseSetting);
    const planned = runs({ strategies: ["bcu", "auto", "reinit-only", "fine-tune"], set });
    expect(planned.map(plannedImages)).toEqual([1600, 1600 + 2 * 2 * 160, 0, 1600]);
  });
});

describe("a forecast", () => {
  it("is corrected by how long runs took", () => {
    const forecast = new Forecast([60, 120, 30]);
    expect(forecast.remaining(10)).toBe(200);
    forecast.finish(30);
    expect(forecast.current()).toBe(60);
    expect(forecast.remaining(20)).toBe(40 + 15);
    expect(forecast.remaining(100)).toBe(15);
    forecast.skip();
    expect(forecast.remaining(0)).toBe(15);
  });
});
