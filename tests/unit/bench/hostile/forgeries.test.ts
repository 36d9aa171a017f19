import { describe, expect, it } from "vitest";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import { checkStatisticsUpdate } from "../../../../protocol/reinit/statistics.ts";
import { seededStream } from "../../../../client/demo/draw-images.ts";
import {
  cheapestVariances,
  everywhere,
  inRole,
  normOf,
  oneBias,
  oneVariance,
  replacement,
  withinTheDoor,
  type Forgery,
  type Seen,
} from "../../../bench/hostile/forgeries.ts";

const graph = resnet18({ width: 1, classes: 10 });
const layout = stateLayout(graph);
const random = seededStream(1);
const values = (length: number, least: number, scale: number): Float32Array =>
  Float32Array.from({ length }, () => least + (scale * random.word()) / 2 ** 32);

const seen: Seen = {
  layout,
  teacher: values(layout.length, 0.5, 1),
  student: values(layout.length, 0.5, 1),
  honest: values(layout.length, -0.1, 0.2),
  participants: 5,
};
const variances = layout.entries.filter(({ role }) => role === "running-variance");
const isVariance = (i: number): boolean =>
  variances.some(({ offset, size }) => i >= offset && i < offset + size);

/** The student after a mean of one forged update and zeros of all others. */
const afterMean = (forge: Forgery): Float32Array => {
  const update = forge(seen);
  return seen.student.map((value, i) => value - update[i]! / seen.participants);
};

const statisticsOf = (update: Float32Array): Float32Array =>
  update.subarray(layout.trainableLength);

describe("made-up updates", () => {
  it("a boosted replacement makes a mean end at the teacher, one that is not goes a fifth of the way", () => {
    const there = afterMean(replacement("all"));
    const weightsThere = afterMean(replacement("weights"));
    const partOfTheWay = afterMean(replacement("no"));
    seen.teacher.forEach((goal, i) => {
      const start = seen.student[i]!;
      expect(there[i]).toBeCloseTo(goal, 5);
      const isWeight = i < layout.trainableLength;
      expect(weightsThere[i]).toBeCloseTo((isWeight ? there : partOfTheWay)[i]!, 5);
      expect(partOfTheWay[i]).toBeCloseTo(start + (goal - start) / 5, 5);
    });
  });

  it("one variance takes all of the statistics' honest length, and the weights stay honest", () => {
    const update = oneVariance(seen);
    const changed = [...statisticsOf(update)].flatMap((value, i) => (value === 0 ? [] : [i]));
    expect(changed).toHaveLength(1);
    expect(isVariance(layout.trainableLength + changed[0]!)).toBe(true);
    expect(normOf(statisticsOf(update))).toBeCloseTo(normOf(statisticsOf(seen.honest)), 5);
    const weights = update.subarray(0, layout.trainableLength);
    expect(weights).toEqual(seen.honest.subarray(0, layout.trainableLength));
  });

  it("the cheapest variances fall to 0, as many as the honest length lasts for", () => {
    const roomy = { ...seen, honest: seen.honest.map((value) => 40 * value) };
    const update = cheapestVariances(roomy);
    const fallen = [...update.keys()].filter((i) => isVariance(i) && update[i] !== 0);
    expect(fallen.length).toBeGreaterThan(1);
    for (const i of fallen) expect(update[i]).toBe(Math.fround(5 * seen.student[i]!));
    const left = normOf(statisticsOf(roomy.honest)) ** 2 - normOf(statisticsOf(update)) ** 2;
    expect(left).toBeGreaterThanOrEqual(0);
    const ascending = seen.student.filter((_, i) => isVariance(i)).sort();
    const next = ascending[fallen.length]!;
    expect((5 * next) ** 2).toBeGreaterThan(left);
  });

  it("a role's values or one bias are made up, and everything else is honest", () => {
    const update = inRole("running-variance", () => 7)(seen);
    update.forEach((value, i) => expect(value).toBe(isVariance(i) ? 7 : seen.honest[i]));
    const biased = oneBias(() => 1000)(seen);
    const changed = [...biased.keys()].filter((i) => biased[i] !== seen.honest[i]);
    const bias = layout.entries.find(({ role }) => role === "linear-bias")!;
    expect(changed).toEqual([bias.offset]);
    expect(biased[bias.offset]).toBe(-1000);
  });

  it("[U8] what the door would refuse is brought to where it takes it, the rest stays as it is", () => {
    const { layout: of, student, teacher } = seen;
    const checked = (update: Float32Array): void =>
      checkStatisticsUpdate(
        graph,
        of,
        statisticsOf(teacher),
        statisticsOf(student),
        statisticsOf(update),
        0,
      );
    for (const forge of [everywhere(1e30), inRole("running-variance", () => 1e6)]) {
      const bold = forge(seen);
      expect(() => checked(bold)).toThrow(/no images give such statistics/);
      const careful = withinTheDoor(bold, seen);
      checked(careful);
      expect(Math.max(...careful.subarray(0, of.trainableLength))).toBeLessThan(1e4);
    }
    withinTheDoor(seen.honest, seen).forEach((value, i) => {
      expect(value).toBeCloseTo(seen.honest[i]!, 6);
    });
  });

  it("the same size everywhere, or in trainable values alone", () => {
    expect(everywhere(1e30)(seen).every((value) => Math.abs(value) === Math.fround(1e30))).toBe(
      true,
    );
    const weights = everywhere(10, "trainable")(seen);
    expect(weights.subarray(0, layout.trainableLength).every((value) => value !== 0)).toBe(true);
    expect(statisticsOf(weights).every((value) => value === 0)).toBe(true);
  });
});
