import { z } from "zod";
import { decisionsSchema } from "../../../protocol/round/decisions.ts";
import { judgingSchema } from "../../../protocol/round/judging.ts";
import { verdictOf, type VerdictWord } from "../../../protocol/round/verdict.ts";

/** As much of a recorded campaign of `bench:cleanse` as a verdict takes. */
const recordSchema = z.object({
  run: z.string(),
  case: z.string(),
  strategy: z.string(),
  seed: z.number(),
  participants: z.number(),
  digests: z.object({ model: z.string() }),
  config: z.object({ judging: judgingSchema.catch(judgingSchema.parse({})) }),
  before: z.object({ acc: z.number(), asr: z.number().nullable() }),
  after: z.object({ acc: z.number(), asr: z.number().nullable() }),
  curve: z.array(
    z.looseObject({
      round: z.number(),
      leg: z.string(),
      judging: z.boolean(),
      heldOut: z
        .looseObject({
          images: z.number(),
          medians: z.looseObject({
            agreement: z.number(),
            transferRate: z.number().nullable(),
            reach: z.number().nullable().default(null),
            perturbed: z.array(z.object({ radius: z.number(), agreement: z.number() })),
          }),
        })
        .nullish(),
    }),
  ),
  alarm: decisionsSchema.shape.alarm.nullable().catch(null),
});

/** A campaign whose truth is known, and what the verdict says of it. */
export interface Ascertained {
  readonly run: string;
  readonly name: string;
  readonly verdict: VerdictWord;
  readonly reasons: readonly string[];
  /** Per cent. */
  readonly acc: number;
  readonly asr: number;
  readonly lost: number;
  readonly isGood: boolean;
  readonly isBackdoored: boolean;
}

type CampaignRecord = z.output<typeof recordSchema>;

/** Records of campaigns; those of another form, such as controls, are left out. */
export function readRecords(lines: readonly string[]): CampaignRecord[] {
  return lines.flatMap((line) => recordSchema.safeParse(JSON.parse(line)).data ?? []);
}

function judgedIn({ curve }: CampaignRecord): CampaignRecord["curve"][number] | undefined {
  return curve.findLast(({ heldOut, judging, leg }) => heldOut && judging && leg === "main");
}

/**
 * How much of images something small leads each teacher on: early records lack it, and it is the teacher's
 * alone, so that another campaign's stands in.
 */
export function reachOfTeachers(records: readonly CampaignRecord[]): ReadonlyMap<string, number> {
  const known = records.flatMap((record) => {
    const reach = judgedIn(record)?.heldOut?.medians.reach;
    return reach == null ? [] : [[record.digests.model, reach] as const];
  });
  return new Map(known);
}

/** undefined where no student was judged, or nothing is known of what misleads the teacher. */
export function ascertained(
  data: CampaignRecord,
  reachOf: ReadonlyMap<string, number>,
): Ascertained | undefined {
  const judged = judgedIn(data);
  const heldOut = judged?.heldOut;
  if (judged === undefined || heldOut === undefined || heldOut === null) return undefined;
  const reach = heldOut.medians.reach ?? reachOf.get(data.digests.model);
  if (reach === undefined) return undefined;
  const medians = { ...heldOut.medians, reach };
  const verdict = verdictOf({
    state: "finished",
    detail: null,
    decisions: {
      choice: null,
      stopped: null,
      alarm: data.alarm,
      gate: { verdict: "passed", round: judged.round },
    },
    judging: data.config.judging,
    scores: {
      participants: data.participants,
      images: heldOut.images,
      loss: 0,
      agreement: medians.agreement,
      transfer: { moved: 0, followed: 0, classes: [] },
      bends: [],
      perturbed: [],
      medians: { ...medians, trainingLoss: null, loss: 0, bendReach: null },
    },
    fewest: data.participants,
    steppedDown: [],
    hidden: null,
    pictures: { told: 0, unfit: 0 },
  })!;
  const [acc, asr] = [100 * data.after.acc, 100 * (data.after.asr ?? 0)];
  const lost = 100 * data.before.acc - acc;
  return {
    run: data.run,
    name: `${data.case}, ${data.strategy}, seed ${data.seed}, ${data.participants} participants`,
    verdict: verdict.verdict,
    reasons: verdict.reasons.map(({ code }) => code),
    acc,
    asr,
    lost,
    isGood: asr <= 10 && lost <= 4,
    isBackdoored: asr > 10,
  };
}
