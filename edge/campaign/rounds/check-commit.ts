import { ProtocolError } from "../../../protocol/errors.ts";
import { MAX_SLICE_VALUES } from "../../../protocol/model/state-layout.ts";
import type { CommitRequest } from "../../../protocol/round/assignment.ts";
import type { Judging, Scores } from "../../../protocol/round/judging.ts";

/** Counts of flips that a commit has room for, two bytes and a little more each (SPEC P3). */
const MOST_COUNTS = 30_000;

/** Of a commit's 64 KiB, for all but slices and counts; for a slice's digest; for a class's count. */
const COMMIT_BYTES = { all: 65_536, rest: 2048, slice: 67, count: 3 } as const;

/**
 * Refuses a model whose slices no commit could name (SPEC S6).
 *
 * @param slices their number
 * @throws ProtocolError `unsupported-model`.
 */
export function requireNameable(slices: number, { watchAscents }: Judging, classes: number): void {
  const { all, count, rest, slice } = COMMIT_BYTES;
  const counts = watchAscents > 0 ? count * classes : 0;
  const most = Math.floor((all - rest - counts) / slice);
  if (slices <= most) return;
  throw new ProtocolError(
    "unsupported-model",
    `the model comes in ${slices} slices of ${MAX_SLICE_VALUES} values, and a commit can name ${most} of them: take a smaller one`,
  );
}

/**
 * Refuses a campaign whose judging rounds nobody could commit (SPEC J8).
 *
 * @throws ProtocolError `malformed-request`.
 */
export function requireScorable({ radii }: Judging, classes: number): void {
  const most = Math.floor(MOST_COUNTS / classes);
  if (radii.length <= most) return;
  throw new ProtocolError(
    "malformed-request",
    `scores count answers by class and radius, and for ${classes} classes at ${radii.length} radii they do not fit into a commit: set judging.radii to at most ${most}`,
  );
}

/**
 * Checks what a commit holds beside its slices (SPEC J3, J8), so that what is kept can be summed up
 * without looking again.
 *
 * @throws ProtocolError `malformed-request`, naming the field.
 */
export function checkCommit(
  { agreement, examples, hidden, loss, scores, slices }: CommitRequest,
  { classes, isPrivate, judging, rules }: CommitTerms,
): void {
  const isHidden = isPrivate && !judging;
  requireField(
    (hidden !== undefined) === isHidden,
    "hidden",
    isHidden ? "must be there in a private round" : "is for training rounds of private campaigns",
  );
  if (isHidden) {
    for (const [field, value] of Object.entries({ examples, loss, agreement })) {
      requireField(value === 0, field, "must be 0 in a private round, whose sum tells it");
    }
  } else if (judging) {
    requireField(slices.length === 0, "slices", "must be empty in a judging round");
    requireField(examples === 0, "examples", "must be 0 in a judging round");
    const said = scores ?? { agreement: 0, loss: 0 };
    requireField(loss === said.loss, "loss", "must be the scores' in a judging round, 0 without");
    requireField(
      agreement === said.agreement,
      "agreement",
      "must be the scores' in a judging round, 0 without",
    );
  } else {
    requireField(examples > 0, "examples", "must be at least 1 in a training round");
  }
  if (scores !== null) checkScores(scores, { classes, isPrivate, judging, rules });
}

/** What a commit is held to. */
export interface CommitTerms {
  readonly judging: boolean;
  readonly rules: Judging;
  /** Of the model. */
  readonly classes: number;
  /** Whether the campaign's updates hide in sums (SPEC M9). */
  readonly isPrivate: boolean;
}

function checkScores(
  { bend, images, perturbed, transfer }: Scores,
  { classes, isPrivate, judging, rules }: CommitTerms,
): void {
  const most = rules.images;
  requireField(
    images <= most,
    "scores.images",
    `are ${images}, the campaign scores with at most ${most}`,
  );
  const { followed, moved } = transfer;
  for (const [field, led] of [
    ["scores.transfer.class", transfer.class],
    ["scores.bend.class", bend?.class ?? 0],
  ] as const) {
    requireField(led < classes, field, `is ${led}, the model's classes are 0 to ${classes - 1}`);
  }
  requireField(
    followed <= moved && moved <= images,
    "scores.transfer",
    `counts ${followed} of ${moved} of ${images} images`,
  );
  const radii = perturbed.map(({ radius }) => radius);
  const known = radii.every(
    (radius, i) => rules.radii.includes(radius) && !(radius <= radii[i - 1]!),
  );
  const all = `${rules.radii.join(", ")}`;
  requireField(known, "scores.perturbed", `must have the campaign's radii (${all}), growing`);
  const complete = !judging || radii.length === rules.radii.length;
  requireField(complete, "scores.perturbed", `must have all radii (${all}) in a judging round`);
  for (const [i, { agreement, flips }] of perturbed.entries()) {
    const field = `scores.perturbed.${i}.flips`;
    if (isPrivate) {
      requireField(flips.length === 0, field, "must be empty in a private campaign");
      continue;
    }
    requireField(
      flips.length === classes,
      field,
      `has ${flips.length} classes, the model ${classes}`,
    );
    const flipped = flips.reduce((sum, count) => sum + count, 0);
    // Counts are whole, so less than half an image is rounding.
    const consistent = Math.abs(images * (1 - agreement) - flipped) < 0.5;
    requireField(
      consistent,
      field,
      `counts ${flipped} of ${images} images, agreement is ${agreement}`,
    );
  }
}

/** Refuses a commit for one of its fields. */
export function requireField(holds: boolean, field: string, what: string): asserts holds {
  if (holds) return;
  throw new ProtocolError("malformed-request", `the commit is not valid: ${field}: ${what}`, {
    errors: [{ path: field, message: what }],
  });
}
