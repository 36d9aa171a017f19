import type { RandomStream } from "../../../protocol/random/random-stream.ts";

export interface DirichletSplit {
  readonly participants: number;
  /** α of the Dirichlet distribution: small is skewed, large is even. */
  readonly concentration: number;
  /** Images that everybody gets at least. */
  readonly least: number;
  readonly random: RandomStream;
}

/**
 * Splits images so that participants have different mixtures of classes: for each class the
 * participants' shares are drawn from Dir(α) (Yurochkin et al. 2019; Li et al. 2022, NIID-Bench).
 * Whoever would get fewer than `least` is given some of the largest share. Labels split, and do
 * nothing else.
 *
 * @param labels of the images, in order.
 * @returns indices of each participant's images: every image is somebody's, and nobody else's.
 * @throws RangeError when there are too few images, or α is not above 0.
 *
 * @example
 * const shares = dirichletSplit(labels, { participants: 8, concentration: 0.1, least: 16, random });
 */
export function dirichletSplit(
  labels: ArrayLike<number>,
  { participants, concentration, least, random }: DirichletSplit,
): number[][] {
  if (!(concentration > 0)) throw new RangeError(`a skew of ${concentration} is not above 0`);
  if (labels.length < participants * least) {
    throw new RangeError(
      `${labels.length} images are too few for ${participants} participants with at least ${least} each`,
    );
  }
  const order = Uint32Array.from({ length: labels.length }, (_, index) => index);
  random.shuffle(order);
  const byClass = new Map<number, number[]>();
  for (const index of order) {
    const label = labels[index]!;
    const known = byClass.get(label);
    if (known === undefined) byClass.set(label, [index]);
    else known.push(index);
  }
  const shares = Array.from({ length: participants }, (): number[] => []);
  for (const label of [...byClass.keys()].sort((a, b) => a - b)) {
    const indices = byClass.get(label)!;
    let reached = 0;
    let dealt = 0;
    dirichlet(participants, concentration, random).forEach((share, participant) => {
      reached += share;
      const isLast = participant === participants - 1;
      const end = isLast ? indices.length : Math.round(Math.min(1, reached) * indices.length);
      shares[participant]!.push(...indices.slice(dealt, end));
      dealt = end;
    });
  }
  for (const share of shares) {
    while (share.length < least) {
      const largest = shares.reduce((most, other) => (other.length > most.length ? other : most));
      share.push(largest.splice(random.below(largest.length), 1)[0]!);
    }
  }
  return shares;
}

/** Shares that add up to 1, drawn from the symmetric Dirichlet distribution. */
function dirichlet(count: number, concentration: number, random: RandomStream): number[] {
  // By logarithms: at a small α most shares are smaller than any floating-point number.
  const logs = Array.from({ length: count }, () => logGamma(concentration, random));
  const largest = Math.max(...logs);
  const weights = logs.map((log) => Math.exp(log - largest));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** Logarithm of a draw from Gamma(shape, 1): Marsaglia and Tsang (2000), with their boost. */
function logGamma(shape: number, random: RandomStream): number {
  if (shape < 1) return logGamma(shape + 1, random) + Math.log(random.uniform()) / shape;
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(random);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(random.uniform()) < x ** 2 / 2 + d - d * v + d * Math.log(v)) {
      return Math.log(d * v);
    }
  }
}

/** A draw from the standard normal distribution (Box and Muller 1958). */
function normal(random: RandomStream): number {
  const length = Math.sqrt(-2 * Math.log(random.uniform()));
  return length * Math.cos(2 * Math.PI * random.uniform());
}
