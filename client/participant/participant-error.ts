/** Why a participant cannot go on, where the coordinator did not say so itself (`ProtocolError`). */
export type ParticipantErrorCode =
  /** The invite link is not one. */
  | "invalid-invite"
  /** Something answered, but not as a coordinator does. */
  | "unexpected-reply"
  /** What the coordinator handed out does not agree with itself: teacher, seed, student₀, digests. */
  | "campaign-not-verified"
  /** This browser or page cannot sign, which every participant must. */
  | "no-signatures"
  /** Not even the fewest steps fit into a round's deadline on this device (SPEC R13). */
  | "too-slow"
  /** The participant's images are not such as the model was trained on, and nobody said to go on (SPEC F2). */
  | "images-do-not-fit"
  /** Nearly all of them bear what leads the model, and are set aside (SPEC D12). */
  | "images-set-aside"
  /** The campaign is private, and no organisation that it pins vouches for this participant (SPEC M4.2). */
  | "not-vouched-for"
  /** An organisation's key was given, and the campaign hides nothing (SPEC M9.9). */
  | "not-private";

/** `message` tells the reader what is wrong and what to do next. */
export class ParticipantError extends Error {
  override readonly name = "ParticipantError";
  readonly code: ParticipantErrorCode;

  constructor(code: ParticipantErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
