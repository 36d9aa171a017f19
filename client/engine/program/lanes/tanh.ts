import { exp } from "./exp.ts";
import type { LaneCode } from "./lane-code.ts";
import { polynomialLanes, polynomialText } from "./polynomial.ts";

/**
 * tanh in float32: x + x³·P(x²) up to 5/8, of least maximum error 4·10⁻⁹, and 1 − 2/(e^2|x| + 1)
 * beyond. WGSL's own may be off by 10⁻⁵, and overflows on some devices.
 */
const NEAR = [
  -0.005717036779969931, 0.020650578662753105, -0.05374349653720856, 0.13331490755081177,
  -0.3333328366279602,
];
const NEAR_END = 0.625;
/** From here on it is 1 in float32. */
const END = 10;

/** Declares `bounded_tanh`. */
export const TANH_FUNCTION = `
fn bounded_tanh(x: vec4f) -> vec4f {
  let t = min(abs(x), vec4f(${END}.0));
  let s = x * x;
  let far = sign(x) * (1.0 - 2.0 / (exp(2.0 * t) + 1.0));
  return select(far, fma(x * s, ${polynomialText(NEAR, "s")}, x), t <= vec4f(${NEAR_END}));
}`;

/** Of what lies on the stack. */
export function tanhLanes(code: LaneCode): void {
  code.keep((x) => {
    x();
    code.absoluteFloats().keep((t) => {
      code.splat(1).splat(2);
      t();
      t();
      code.addFloats();
      exp(code);
      code.splat(1).addFloats().divideFloats().subtractFloats();
      x();
      code.splat(-0).andBits().orBits();
      x();
      x();
      code.multiplyFloats().keep((s) => {
        const cubed = (): void => {
          x();
          s();
          code.multiplyFloats();
        };
        code.multiplyAddTo(cubed, () => polynomialLanes(code, NEAR, s), x);
      });
      t();
      code.splat(NEAR_END).greaterFloats().selectBits();
    });
  });
}
