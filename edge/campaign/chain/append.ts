import type { AcceptedUpdate } from "../store/commit-store.ts";
import type { Ledger } from "../store/ledger.ts";
import { configurationDigest, LINK_VERSION, type NewLink } from "./link.ts";

/** What tells links of one kind apart; the rest follows from the chain and the campaign. */
type Body<Link> = Link extends NewLink
  ? Omit<Link, "version" | "previous" | "configuration">
  : never;

/** Puts a link at the end of the chain (SPEC R9); belongs into the transaction that makes it true. */
export function appendLink(ledger: Ledger, body: Body<NewLink>): void {
  ledger.chain.append({
    ...body,
    version: LINK_VERSION,
    previous: ledger.chain.value(),
    configuration: configurationDigest(ledger.campaign.read().writtenConfig),
  });
}

/** Accepted commits as links have them (SPEC R9.1). */
export function inputsOf(
  updates: readonly AcceptedUpdate[],
): Extract<NewLink, { kind: "committed" }>["inputs"] {
  return updates.map(({ participant, weight, slices, loss, scores, size, signed }) => ({
    participant,
    weight,
    slices: [...slices],
    loss,
    scores,
    ...(size !== null && { size }),
    ...signed,
  }));
}

/** That the campaign goes back to an earlier student, where it does; follows on the link that decided it. */
export function linkRollback(
  ledger: Ledger,
  decided: {
    readonly round: number;
    readonly reason: Extract<NewLink, { kind: "rollback" }>["reason"];
    readonly fellBackTo: number | null;
  },
): void {
  const { fellBackTo, reason, round } = decided;
  if (fellBackTo === null) return;
  const student = [...ledger.campaign.committedStudent(fellBackTo).slices];
  appendLink(ledger, { kind: "rollback", round, reason, to: fellBackTo, student });
}
