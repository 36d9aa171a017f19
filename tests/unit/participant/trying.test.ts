import { createPublicKey, verify } from "node:crypto";
import { expect, it } from "vitest";
import { Participant } from "../../../client/participant/participant.ts";
import type { ParticipantStatus } from "../../../client/participant/status.ts";
import type { CheckInReply } from "../../../protocol/round/assignment.ts";
import { voteBytes, voteDigest } from "../../../protocol/round/signing.ts";
import type { Examination } from "../../../protocol/round/trial/examination.ts";
import { FakeCoordinator, INVITE } from "./fake-coordinator.ts";
import { quickPorts } from "./quick-ports.ts";
import { ScriptedTraining } from "./scripted-training.ts";

const SEEN: Examination = {
  images: 8,
  loss: 0.1,
  agreement: 0.9,
  transfer: { class: 1, reach: 0.5, moved: 4, followed: 1 },
  shortcuts: { moved: 4, followed: 0 },
  bends: { moved: 0, followed: 0 },
  copies: { looked: 24, kept: 20 },
};

it("[K3] [K9] looks at a candidate beside the student before it, signs its word, and hears that its update was left out", async () => {
  const coordinator = new FakeCoordinator();
  const training = new ScriptedTraining();
  training.comparison = { candidate: SEEN, last: { ...SEEN, agreement: 0.8 } };
  const participant = new Participant({ invite: INVITE, training, ports: quickPorts(coordinator) });
  const shown: ParticipantStatus["kind"][] = [];
  participant.subscribe(({ kind }) => shown.push(kind));
  const first = [...coordinator.student];
  coordinator.reply = (): CheckInReply | undefined => {
    const { round, student } = coordinator;
    if (round !== 1) return undefined;
    const leg = { kind: "main" as const, candidate: 0, roundOfLeg: 1, trainingRounds: 3 };
    const at = { round, attempt: 0, deadline: 0, leg, student: [...student] };
    // As if the round were about what it began with: what it came to is not known here.
    if (coordinator.votes.length === 0) return { kind: "trial", candidate: 2, last: first, ...at };
    const { localSteps } = coordinator.view.config.distillation;
    const notice = "your update of round 0 was left out";
    return { kind: "assignment", startStep: 4, totalSteps: 12, localSteps, notice, ...at };
  };
  await participant.run();

  expect(training.compared).toHaveLength(1);
  const [[last, candidate]] = training.compared as [readonly [Float32Array, Float32Array]];
  expect(last).toEqual(training.students[0]);
  expect(candidate).toEqual(training.students[1]);
  const [{ signature, ...vote }] = coordinator.votes as [(typeof coordinator.votes)[0]];
  expect(vote).toMatchObject({ candidate: 2, comparison: training.comparison });
  const signed = {
    campaign: coordinator.view.id,
    participant: `p-${"b".repeat(20)}`,
    round: 1,
    attempt: 0,
    vote: voteDigest(vote),
  };
  const x = Buffer.from(coordinator.publicKey, "hex").toString("base64url");
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  expect(verify(null, voteBytes(signed), key, Buffer.from(signature!, "hex"))).toBe(true);
  expect(participant.totals.rejections).toEqual([
    { round: 1, reason: "left-out", detail: "your update of round 0 was left out" },
  ]);
  expect(participant.totals.rejected).toBe(0);
});
