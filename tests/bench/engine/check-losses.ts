import { caseName, nameOf, type Row } from "./compare.ts";
import { medianOf } from "./median.ts";

/**
 * Relative, of each step's. Float32 in another order stays far below the first; what its roundings do to
 * rectifiers grows with the steps: PyTorch's own third loss of MobileNetV2 differs by 1.1e-3 with another
 * number of threads.
 */
const TOLERANCES = [1e-3, 1e-3, 5e-3] as const;
/** Of activations in half precision, with what they did to the gradients before. */
const HALF_TOLERANCE = 1e-2;

function isHalf({ engine }: Row): boolean {
  return engine === "ours-webgpu-f16";
}

/**
 * Complaints about engines whose first losses differ from the others' in the same case: whoever
 * computes something else, its speed says nothing. The second loss and the third depend on the
 * gradients before them. Halves judge nobody else.
 */
export function lossComplaints(rows: readonly Row[]): string[] {
  return rows.flatMap((row) => {
    const inCase = rows.filter(
      ({ network, batch }) => network === row.network && batch === row.batch,
    );
    return row.losses.flatMap((loss, step) => {
      const others = inCase.filter((other) => other !== row && !isHalf(other));
      // Of two, each is the other's measure; of more, whoever stands alone is out.
      const judges = others.length === 1 || isHalf(row) ? others : [row, ...others];
      const tolerance = isHalf(row) ? HALF_TOLERANCE : TOLERANCES[Math.min(step, 2)]!;
      const known = judges.map(({ losses }) => losses[step] ?? Number.NaN).filter(Number.isFinite);
      const common = known.length > 0 ? medianOf(known) : loss;
      if (Math.abs(loss - common) <= tolerance * Math.abs(common)) return [];
      return [
        `${nameOf(row)}, ${caseName(row)}: loss of step ${step + 1} is ${loss}, ` +
          `the others' ${common}; one of them computes something else`,
      ];
    });
  });
}
