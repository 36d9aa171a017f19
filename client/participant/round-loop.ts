import { ProtocolError } from "../../protocol/errors.ts";
import type {
  Assignment,
  StatisticsAssignment,
  TrialAssignment,
} from "../../protocol/round/assignment.ts";
import type { VoteRequest } from "../../protocol/round/trial/examination.ts";
import { silentAfterMs } from "../../protocol/round/campaign-config.ts";
import { foundBroken, hasBrokenValues } from "./broken-student.ts";
import type { CheckIns } from "./check-ins.ts";
import { tryCandidate, type FetchStudent } from "./candidate-trial.ts";
import { handIn, handInVote, refuseStudent, type HandIn } from "./hand-in.ts";
import type { Hiding } from "./hidden-work.ts";
import { Heartbeat } from "./heartbeat.ts";
import { endOf } from "./last-status.ts";
import type { LocalTrainer } from "./local-trainer.ts";
import { requirePrivateWork } from "./private-terms.ts";
import { RoundOver } from "./round-over.ts";
import { workRound, type RoundTools } from "./round-work.ts";
import { workStatistics } from "./statistics-work.ts";
import type { ParticipantStatus } from "./status.ts";
import { campaignRefusal, type VerifiedCampaign } from "./verify-campaign.ts";
import type { Attempt } from "./wire/coordinator-client.ts";
import type { EventChannel } from "./wire/event-channel.ts";
import { fetchSlices, fetchStudent, retainStudents } from "./wire/student-fetch.ts";
import type { PendingUpdate } from "./wire/upload.ts";

/** Least between check-ins while the event socket is open, so that the coordinator may sleep. */
const QUIET_MS = 20_000;

/** After a refusal that the next check-in clears up. */
const RECHECK_MS = 1_000;

export interface RoundLoopOptions extends HandIn {
  readonly campaign: VerifiedCampaign;
  readonly trainer: LocalTrainer;
  /** In a private campaign: how updates hide. */
  readonly hiding: Hiding | undefined;
  readonly channel: EventChannel;
  readonly checkIns: CheckIns;
}

/** The coordinator tells the campaign's configuration otherwise than when this participant joined. */
export class OtherConfiguration extends Error {
  override readonly name = "OtherConfiguration";
}

/** A participant's way through the rounds: asks what is to be done, does it and hands it in. */
export class RoundLoop {
  readonly #options: RoundLoopOptions;
  /** As it was verified last. */
  #campaign: VerifiedCampaign;

  constructor(options: RoundLoopOptions) {
    this.#options = options;
    this.#campaign = options.campaign;
  }

  /**
   * Takes part until the campaign ends or the participant is told to leave.
   *
   * @returns the last status.
   * @throws StoppedSignal when stopped; OtherConfiguration; what it cannot go on from.
   */
  async run(): Promise<ParticipantStatus> {
    const { channel, checkIns, client, context, hiding } = this.#options;
    const { bell, board, controls, ports } = context;
    // A silent one's place is given on without an event: it is asked for before it would be too late.
    const quietMs = Math.min(QUIET_MS, this.#silentMs / 2);
    let pending: PendingUpdate | undefined;
    for (;;) {
      await context.gate();
      // A place in a round that is not filled would keep others waiting.
      if (controls.finishing && pending === undefined) return { kind: "stopped" };
      const seen = bell.rings;
      const reply = await checkIns.next();
      context.round = reply.round;
      if (reply.kind === "ended") return await endOf(client, context);

      if (reply.kind === "wait") {
        const { reason, retryAfterMs, round } = reply;
        // A paused campaign takes the update at hand once it goes on; any other wait outdates it.
        if (reason !== "paused") pending = undefined;
        if (controls.finishing && pending === undefined) continue;
        board.show({ kind: "waiting", reason, round, detail: null });
        const waitMs = channel.connected ? Math.max(retryAfterMs, quietMs) : retryAfterMs;
        await bell.wait(seen, waitMs, ports.clock, controls.signal);
        continue;
      }

      if (hiding !== undefined) requirePrivateWork(reply, this.#campaign.view.config);
      if (reply.kind === "trial") {
        // What is at hand of another attempt is outdated.
        pending = undefined;
        const vote = await this.#workUnlessOver(reply, (signal) => this.#try(reply, signal));
        if (vote === undefined) await ports.clock.sleep(RECHECK_MS, controls.signal);
        else await handInVote(reply, vote, this.#options);
        continue;
      }

      this.#noteLeftOut(reply);
      if (pending?.round !== reply.round || pending.attempt !== reply.attempt) pending = undefined;
      if (pending === undefined && controls.finishing) return { kind: "stopped" };
      pending ??= await this.#workUnlessOver(reply, (signal) => this.#work(reply, signal));
      if (pending === undefined) {
        await ports.clock.sleep(RECHECK_MS, controls.signal);
        continue;
      }
      const outcome = await this.#handIn(pending);
      if (outcome !== "kept") pending = undefined;
      if (outcome !== "delivered") await ports.clock.sleep(RECHECK_MS, controls.signal);
    }
  }

  /**
   * A coordinator that was upgraded tells older campaigns more than before, and takes no seal under what it
   * told then: whoever has that joins anew (SPEC M9.2).
   */
  async #handIn(pending: PendingUpdate): ReturnType<typeof handIn> {
    const { client, context, hiding } = this.#options;
    try {
      return await handIn(pending, this.#options);
    } catch (error) {
      const unsafe = error instanceof ProtocolError && error.code === "unsafe-sum";
      if (!unsafe || hiding === undefined) throw error;
      const { told } = await context.retry((signal) => client.campaign(signal));
      throw told === hiding.told ? error : new OtherConfiguration();
    }
  }

  /** Does what the round asks for; undefined when the round ended meanwhile, or its student is broken. */
  async #workUnlessOver<T>(
    assignment: Attempt,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T | undefined> {
    const { controls, endings } = this.#options.context;
    try {
      return await endings.during(assignment, (over) =>
        work(AbortSignal.any([over, controls.signal])),
      );
    } catch (error) {
      // A student that is gone belongs to a round that is.
      const gone = error instanceof ProtocolError && error.code === "not-found";
      if (error instanceof RoundOver || gone) return undefined;
      throw error;
    }
  }

  async #work(
    assignment: Assignment | StatisticsAssignment,
    signal: AbortSignal,
  ): Promise<PendingUpdate | undefined> {
    const { client, context, trainer } = this.#options;
    const beat = this.#heartbeat(assignment, signal);
    if (assignment.kind === "statistics") {
      return await workStatistics(assignment, signal, this.#tools(beat));
    }
    if (this.#campaign.view.starts.length === 0) await this.#learnStarts();
    const { layout } = this.#campaign;
    const student = await fetchStudent(assignment, this.#campaign, {
      ...context.blobOptions(client),
      onBytes: context.downloads("student", layout.length * 4),
    });
    if (hasBrokenValues(student, layout)) {
      await refuseStudent(assignment, "student", this.#options);
      return undefined;
    }
    try {
      return await workRound({ assignment, student, signal }, this.#tools(beat));
    } catch (error) {
      const found = await foundBroken(error, student, trainer);
      if (found === undefined) throw error;
      await refuseStudent(assignment, found, this.#options);
      return undefined;
    }
  }

  /** Looks at a candidate; undefined where it is one that nobody could look at. */
  async #try(assignment: TrialAssignment, signal: AbortSignal): Promise<VoteRequest> {
    const { client, context } = this.#options;
    const { last, student } = assignment;
    const options = context.blobOptions(client);
    await retainStudents([student, last], this.#campaign, options.cache);
    const totalBytes = this.#campaign.layout.length * 4;
    const fetch: FetchStudent = (slices) =>
      fetchSlices(slices, this.#campaign, {
        ...options,
        onBytes: context.downloads("student", totalBytes),
      });
    const beat = this.#heartbeat(assignment, signal);
    return await tryCandidate(assignment, signal, this.#tools(beat), fetch);
  }

  /** Tells that an update was left out, once (SPEC K9). */
  #noteLeftOut(reply: Assignment | StatisticsAssignment): void {
    if (reply.kind !== "assignment" || reply.notice === undefined) return;
    const { board } = this.#options.context;
    const { rejections } = board.totals;
    if (rejections.some(({ detail }) => detail === reply.notice)) return;
    const one = { round: reply.round, reason: "left-out", detail: reply.notice };
    board.count({ ...board.totals, rejections: [...rejections, one] });
  }

  #tools(beat: () => void): RoundTools {
    const { channel, checkIns, context, hiding, trainer } = this.#options;
    return { campaign: this.#campaign, trainer, hiding, channel, checkIns, context, beat };
  }

  get #silentMs(): number {
    return silentAfterMs(this.#campaign.view.config.round);
  }

  /** Says that this participant is at work: on the socket, or without one by asking what is stored. */
  #heartbeat({ attempt, round }: Attempt, signal: AbortSignal): () => void {
    const { channel, client, context } = this.#options;
    const heart = new Heartbeat(context.ports.clock, this.#silentMs, () => {
      if (channel.connected) channel.beat();
      // Lost, or too late: the next request will tell.
      else client.uploadStatus({ round, attempt }, signal).catch(() => undefined);
    });
    return () => heart.beat();
  }

  /** Statistics were pooled since this participant joined: there are starts to be verified now. */
  async #learnStarts(): Promise<void> {
    const { client, context } = this.#options;
    const view = await context.retry((signal) => client.campaign(signal));
    if (view.starts.length === 0) {
      throw campaignRefusal("it hands out a round of training without telling what it starts from");
    }
    this.#campaign = await context.verify(client, view);
  }
}
