import { InvalidArgumentError } from "commander";
import { trustedProxies } from "../coordinator/front/caller-address.ts";

/** Readers of option values. Each refusal becomes a usage error that names the flag. */

/** A finite number. */
export function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) {
    throw new InvalidArgumentError("It must be a number, such as 0.03.");
  }
  return value;
}

/** Public keys with commas between them, ascending. */
export function keys(text: string): readonly string[] {
  const list = text.split(",").map((key) => key.trim());
  if (list.every((key) => /^[0-9a-f]{64}$/.test(key))) return list.toSorted();
  throw new InvalidArgumentError(
    "They must be keys of 64 hexadecimal digits with commas between them.",
  );
}

/** Whether it is on. */
export function onOff(text: string): boolean {
  if (text !== "on" && text !== "off") throw new InvalidArgumentError("It must be on or off.");
  return text === "on";
}

/** A strength: a number, or `auto` for probes to decide. */
export function numberOrAuto(text: string): number | "auto" {
  return text === "auto" ? text : number(text);
}

/** A whole number that is not negative. */
export function count(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
}

/** A whole number from 1 on. */
export function positive(text: string): number {
  const value = count(text);
  if (value < 1) throw new InvalidArgumentError("It must be at least 1.");
  return value;
}

/** A whole number from 2 on. */
export function several(text: string): number {
  const value = count(text);
  if (value < 2) throw new InvalidArgumentError("It must be at least 2.");
  return value;
}

/** A share: a number from 0 to 1. */
export function share(text: string): number {
  const value = number(text);
  if (value < 0 || value > 1) throw new InvalidArgumentError("It must be from 0 to 1, such as .1.");
  return value;
}

/** A TCP port; 0 for any free one. */
export function port(text: string): number {
  const value = count(text);
  if (value > 65_535) throw new InvalidArgumentError("It must be a port, 0 to 65535.");
  return value;
}

/** Numbers with commas between them. */
export function numbers(text: string): readonly number[] {
  return text.split(",").map((part) => {
    const value = Number(part);
    if (part.trim() === "" || !Number.isFinite(value)) {
      throw new InvalidArgumentError("It must be numbers with commas between them, such as .1,.2.");
    }
    return value;
  });
}

/** Exactly so many numbers with commas between them. */
export function numbersOf(length: number, what: string): (text: string) => readonly number[] {
  return (text) => {
    const values = numbers(text);
    if (values.length !== length) {
      throw new InvalidArgumentError(
        `It must be ${length} numbers (${what}), got ${values.length}.`,
      );
    }
    return values;
  };
}

/** An https address without anything behind its host and port; http for tries. */
export function publicOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url === undefined ||
    !/^https?:$/.test(url.protocol) ||
    url.username + url.password + url.search + url.hash !== "" ||
    url.pathname !== "/"
  ) {
    throw new InvalidArgumentError(
      "It must be the address that volunteers open, without a path, such as https://scour.example.org.",
    );
  }
  return url.origin;
}

/** Collects an IP address or a network of an option that may be given several times. */
export function network(text: string, before: readonly string[] = []): readonly string[] {
  try {
    trustedProxies([text]);
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
  return [...before, text];
}

/** An http(s) address without a path. */
export function coordinatorUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new InvalidArgumentError("It must be an address such as http://127.0.0.1:8787.");
  }
  return url.origin;
}
