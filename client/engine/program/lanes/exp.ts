import { polynomialLanes } from "./polynomial.ts";
import type { LaneCode } from "./lane-code.ts";

/** (eˣ − 1 − x)/x² for |x| ≤ ln(2)/2, to 4·10⁻⁹ of x² (least maximum error). */
const EXP = [
  0.0013952816370874643, 0.008370254188776016, 0.041666172444820404, 0.16666507720947266, 0.5,
];

/** ln 2 in two parts: the first times a whole number below 2¹¹ is exact (Cody and Waite 1980). */
const LN2 = { high: 0.693359375, low: -2.1219444e-4 };

/** Beyond these e^x is 0 and ∞ in float32. */
const LEAST = -104;
const MOST = 89;

/**
 * e^x of what lies on the stack, to 2 units in the last place; subnormals, 0 and ∞ as they should be.
 * x = n·ln 2 + r, and e^x = 2ⁿ·e^r; 2ⁿ in two factors, for n goes beyond what one float32 can say.
 */
export function exp(code: LaneCode): void {
  code.splat(LEAST).maxFloats().splat(MOST).minFloats();
  code.keep((x) => {
    x();
    code.splat(Math.LOG2E).multiplyFloats().roundFloats();
    code.keep((n) => {
      const less = (from: () => void, part: number) => (): void => {
        code.multiplyAddTo(n, () => code.splat(-part), from);
      };
      less(less(x, LN2.high), LN2.low)();
      code.keep((r) => {
        polynomialLanes(code, EXP, r);
        r();
        code.multiplyFloats();
        r();
        code.multiplyFloats();
        r();
        code.addFloats().splat(1).addFloats();
      });
      n();
      code.toIntegers().keep((whole) => {
        whole();
        code.shiftRight(1).keep((half) => {
          half();
          powerOfTwo(code);
          code.multiplyFloats();
          whole();
          half();
          code.subtractIntegers();
          powerOfTwo(code);
          code.multiplyFloats();
        });
      });
    });
  });
}

/** 2ⁿ of whole n from −126 to 127, as the bits of a float32. */
function powerOfTwo(code: LaneCode): void {
  code.splatInteger(127).addIntegers().shiftLeft(23);
}
