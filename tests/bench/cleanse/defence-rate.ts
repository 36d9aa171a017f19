/** What defence effectiveness is made of; fractions. */
export interface Judged {
  readonly acc: number | null;
  readonly asr: number | null;
}

/** Where fewer stamped images than this are answered as the attacker wants, there is no backdoor. */
const LEAST_ASR = 0.1;

/**
 * Defence effectiveness rating, DER = [max(0, ΔASR) − max(0, ΔACC) + 1]/2 (Zhu et al. 2023, FT-SAM):
 * 1 when all of the backdoor and none of the accuracy is gone, ½ when nothing happened. Null where
 * there is no backdoor to take away: a clean model, with stamped images or without.
 *
 * @example
 * defenceEffectiveness({ acc: 0.87, asr: 1 }, { acc: 0.84, asr: 0.03 }); // 0.97
 */
export function defenceEffectiveness(before: Judged, after: Judged): number | null {
  if (before.acc === null || after.acc === null || before.asr === null || after.asr === null) {
    return null;
  }
  if (before.asr < LEAST_ASR) return null;
  const asrLost = Math.max(0, before.asr - after.asr);
  const accLost = Math.max(0, before.acc - after.acc);
  return (asrLost - accLost + 1) / 2;
}
