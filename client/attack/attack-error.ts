/** An attack that cannot be made as asked; `message` says why and what to change. */
export class AttackError extends Error {
  override readonly name = "AttackError";
}
