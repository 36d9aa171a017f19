import { exp } from "./exp.ts";
import type { LaneCode } from "./lane-code.ts";
import { polynomial, polynomialLanes, polynomialText } from "./polynomial.ts";

/**
 * The error function in float32: x + x·P(x²) up to 1, and 1 − e^(−|x|·Q(|x|)) beyond; from 4 on it is
 * 1. Polynomials of least maximum error, 10⁻⁹ and 3·10⁻⁹ of the value.
 */
const NEAR = [
  7.853857823647559e-5, -0.0008010192541405559, 0.005188327748328447, -0.026853810995817184,
  0.1128358542919159, -0.3761262595653534, 0.12837916612625122,
];
const FAR = [
  -0.0002106434985762462, 0.0031869488302618265, -0.02279846929013729, 0.10511615127325058,
  0.6358314752578735, 1.128480076789856,
];
const END = 4;

export function erf(x: number): number {
  const t = Math.abs(x);
  if (t >= END) return Math.sign(x);
  if (t <= 1) return x + x * polynomial(NEAR, x * x);
  return Math.sign(x) * (1 - Math.exp(-t * polynomial(FAR, t)));
}

/** Declares `erf`. */
export const ERF_FUNCTION = `
fn erf(x: vec4f) -> vec4f {
  let t = min(abs(x), vec4f(${END}.0));
  let s = x * x;
  let far = sign(x) * (1.0 - exp(-t * ${polynomialText(FAR, "t")}));
  return select(far, fma(x, ${polynomialText(NEAR, "s")}, x), t <= vec4f(1.0));
}`;

/** Of what lies on the stack. */
export function erfLanes(code: LaneCode): void {
  code.keep((x) => {
    x();
    code.absoluteFloats().splat(END).minFloats();
    code.keep((t) => {
      code.splat(1).splat(0);
      t();
      polynomialLanes(code, FAR, t);
      code.multiplyFloats().subtractFloats();
      exp(code);
      code.subtractFloats();
      x();
      code.splat(-0).andBits().orBits();
      x();
      x();
      code.multiplyFloats().keep((s) => {
        code.multiplyAddTo(x, () => polynomialLanes(code, NEAR, s), x);
      });
      t();
      code.splat(1).greaterFloats().selectBits();
    });
  });
}
