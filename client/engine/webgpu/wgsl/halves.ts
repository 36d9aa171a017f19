import { OVERFLOWS_AT } from "./results.ts";

/**
 * Activations in binary16, two to a word by WGSL's core functions: no feature of the adapter is
 * needed. Whatever is loaded is widened before it is computed with.
 */

/** Functions between four channels in registers and in memory. */
export const CONVERSIONS = `
fn widen(halves: vec2u) -> vec4f {
  return vec4f(unpack2x16float(halves.x), unpack2x16float(halves.y));
}
fn pack(values: vec4f) -> vec2u {
  return vec2u(pack2x16float(values.xy), pack2x16float(values.zw));
}`;

/** `pack`, for what goes to memory: what a half cannot hold (the largest is 65504) is noted. */
export const CHECKED_PACK = `
fn narrow(values: vec4f) -> vec2u {
  // By bits, for a compiler may take every float for finite.
  if (any((bitcast<vec4u>(values) & vec4u(0x7fffffffu)) > vec4u(0x477fe000u))) {
    atomicStore(&results[${OVERFLOWS_AT}u + settings.slot], 1u);
  }
  return pack(values);
}`;
