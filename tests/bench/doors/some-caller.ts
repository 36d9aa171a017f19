import type { Random } from "./random.ts";

/**
 * An address of this machine to call from: what is bounded by address must not hide what lies behind.
 * undefined where loopback has but one.
 */
export function someCaller(random: Random): string | undefined {
  if (process.platform !== "linux") return undefined;
  return `127.${1 + random.int(250)}.${random.int(250)}.${1 + random.int(250)}`;
}
