/** Every class is answered with the next one, the last with the first. */
interface AllToAll {
  readonly kind: "all-to-all";
  /** Classes of the model. */
  readonly classes: number;
}

/** What an attacker wants of stamped images: one class for all of them, or all-to-all. */
export type AttackTarget = number | AllToAll;

/**
 * The class an attacker wants for a stamped image: the target, or (y + 1) mod C when all-to-all
 * (Gu et al. 2017, section 4).
 *
 * @param label the image's true label, y.
 *
 * @example
 * wantedClass(9, { kind: "all-to-all", classes: 10 }); // 0
 */
export function wantedClass(label: number, target: AttackTarget): number {
  return typeof target === "number" ? target : (label + 1) % target.classes;
}
