import { frameBytes } from "../../../protocol/update/frame-header.ts";
import { SECTION_BITS } from "../../../protocol/privacy/vector/update-vector.ts";
import { wordBytes } from "../../../protocol/privacy/vector/words.ts";
import { sliceCodec } from "../../../protocol/update/update-codec.ts";
import { statisticsImages } from "../../../protocol/round/statistics-round.ts";
import { imagesToBegin, imagesToScore } from "../../../protocol/round/evidence.ts";
import { roundCount } from "../../../protocol/round/timeline.ts";
import type { CampaignView, InvitePreview } from "../../../protocol/round/access.ts";
import { preprocessingOf } from "../../../protocol/round/preprocessing.ts";
import { ProtocolError } from "../../../protocol/errors.ts";
import {
  CoordinatorClient,
  type CoordinatorClientOptions,
} from "../../participant/wire/coordinator-client.ts";
import { knownCredential } from "../../participant/wire/enrolment.ts";
import type { IdentityStore } from "../../participant/wire/identity.ts";
import type { InviteLink } from "../../participant/wire/invite-url.ts";
import { systemClock } from "../../participant/ports.ts";
import { outcomeText } from "../../participant/outcome-text.ts";
import { retrying, type Retry, type RetryOptions } from "../../participant/wire/retry.ts";

/** What is shown of a campaign before anybody contributes. */
export type Offer = InvitePreview & {
  /** This tab is enrolled already: it comes back as who it was. */
  readonly returning: boolean;
};

/**
 * What the invite offers; for a tab that enrolled before a reload, what its campaign offers, even
 * when the invite has no uses left.
 *
 * @throws ProtocolError or ParticipantError when the invite is refused.
 */
export async function fetchOffer(
  link: InviteLink,
  identities: IdentityStore,
  onRetry: (retry: Retry) => void,
): Promise<Offer> {
  const signal = new AbortController().signal;
  const retry = { clock: systemClock, random: Math.random, signal, onRetry };
  const clientFor = (token: CoordinatorClientOptions["token"]): CoordinatorClient =>
    new CoordinatorClient({
      origin: link.origin,
      token,
      fetch: (...request) => fetch(...request),
      clock: systemClock,
    });
  const known = await knownCredential({ clientFor, identities, link });
  if (known !== undefined) {
    try {
      const client = clientFor(known);
      return offerOf(await retrying(() => client.campaign(signal), retry));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      if (error.code === "campaign-ended") throw await withOutcome(error, clientFor(known), retry);
      if (![401, 404].includes(error.status)) throw error;
    }
  }
  const client = clientFor(link.token);
  return { ...(await retrying(() => client.preview(signal), retry)), returning: false };
}

/** As the preview has it: 0 where nobody scores. */
function scoringImages(judging: CampaignView["config"]["judging"]): number {
  const needed = imagesToScore(judging);
  return Number.isFinite(needed) ? needed : 0;
}

/** What there is to say to one who comes back after the end. */
async function withOutcome(
  error: ProtocolError,
  client: CoordinatorClient,
  retry: RetryOptions,
): Promise<Error> {
  try {
    const outcome = await retrying(() => client.outcome(retry.signal), retry);
    const detail = outcomeText(outcome);
    return new ProtocolError(
      error.code,
      `The campaign is ${outcome.state}.${detail === null ? "" : ` ${detail}`}`,
    );
  } catch (closed) {
    return closed instanceof Error ? closed : error;
  }
}

function offerOf({ config, id, model, sliceLengths, state, statistics }: CampaignView): Offer {
  let offset = 0;
  let updateBytes = 0;
  for (const length of sliceLengths) {
    const section = offset < model.trainableLength ? "trainable" : "statistics";
    updateBytes +=
      config.privacy === undefined
        ? frameBytes(sliceCodec(config.codec, section), length)
        : wordBytes(SECTION_BITS[section], length);
    offset += length;
  }
  const { batchSize, localSteps } = config.distillation;
  return {
    campaign: id,
    name: config.name,
    state,
    organisation: null,
    codec: config.codec,
    rounds: roundCount(config),
    localSteps,
    batchSize,
    statisticsImages: statisticsImages(config, statistics),
    fitImages: config.fit?.images ?? 0,
    trial: config.trial !== null,
    scoringImages: scoringImages(config.judging),
    measuringImages: imagesToBegin(config, statistics),
    inputShape: model.inputShape,
    preparation: preprocessingOf(config, model.inputShape),
    downloadBytes: model.bytes,
    updateBytes,
    ...(config.privacy !== undefined && { privacy: config.privacy }),
    returning: true,
  };
}
