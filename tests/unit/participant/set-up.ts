import { Participant } from "../../../client/participant/participant.ts";
import type { ParticipantPorts } from "../../../client/participant/ports.ts";
import type { ParticipantStatus } from "../../../client/participant/status.ts";
import { FakeCoordinator, INVITE } from "./fake-coordinator.ts";
import { quickPorts } from "./quick-ports.ts";
import { ScriptedTraining } from "./scripted-training.ts";

/** A participant of a fake coordinator's campaign, and all that it showed. */
export function setUp(coordinator = new FakeCoordinator(), more: Partial<ParticipantPorts> = {}) {
  const training = new ScriptedTraining();
  const ports = quickPorts(coordinator, more);
  const participant = new Participant({ invite: INVITE, training, label: "test", ports });
  const seen: ParticipantStatus[] = [];
  participant.subscribe((status) => seen.push(status));
  return { coordinator, training, participant, ports, seen };
}
