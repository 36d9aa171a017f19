const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/** A fresh random id: the kind's letter, a dash, and 100 random bits in base 32. */
export function randomIdentifier(kind: "c" | "p" | "i" | "a"): string {
  const bytes = crypto.getRandomValues(new Uint8Array(20));
  return `${kind}-${Array.from(bytes, (byte) => BASE32[byte & 31]).join("")}`;
}

/** A fresh secret: 160 random bits in base 32. */
export function randomToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return Array.from(bytes, (byte) => BASE32[byte & 31]).join("");
}
