import { decodeUtf8 } from "../strict-text.ts";
import type { OperationTable } from "./operation.ts";
import type { PickleMachine } from "./pickle-machine.ts";

/** Longest whole number that is read: 1 KiB. */
const MAX_INTEGER_BYTES = 1024;

/** Longest text that is decoded; a longer one stays bytes. No name is so long. */
const MAX_TEXT_BYTES = 2 ** 16;

/** Numbers, texts and bytes. */
export const SCALAR_OPERATIONS: OperationTable = {
  N: (machine) => machine.push(null),
  "\u0088": (machine) => machine.push(true),
  "\u0089": (machine) => machine.push(false),
  // INT: text, of which two are truth values.
  I: (machine) => {
    const line = machine.cursor.line();
    if (line === "00" || line === "01") machine.push(line === "01");
    else machine.push(integerOf(machine, line));
  },
  J: (machine) => machine.push(machine.cursor.int32()),
  K: (machine) => machine.push(machine.cursor.uint8()),
  M: (machine) => machine.push(machine.cursor.uint16()),
  L: (machine) => {
    const line = machine.cursor.line();
    machine.push(integerOf(machine, line.endsWith("L") ? line.slice(0, -1) : line));
  },
  "\u008a": (machine) => pushLong(machine, machine.cursor.uint8()),
  "\u008b": (machine) => pushLong(machine, machine.cursor.uint32()),
  F: (machine) => {
    const line = machine.cursor.line();
    const value = line === "nan" ? NaN : Number(line.replace(/^(-?)inf$/, "$1Infinity"));
    if (line.trim() === "" || (Number.isNaN(value) && line !== "nan")) {
      throw machine.cursor.malformed("what is no number");
    }
    machine.push(value);
  },
  G: (machine) => machine.push(machine.cursor.float64()),
  S: (machine) => machine.pushRecord(quoted(machine, machine.cursor.line())),
  V: (machine) => machine.pushRecord(rawUnicode(machine.cursor.line())),
  // Texts of Python 2 are bytes; those that matter here are names.
  T: (machine) => pushText(machine, machine.cursor.uint32()),
  U: (machine) => pushText(machine, machine.cursor.uint8()),
  X: (machine) => pushText(machine, machine.cursor.uint32()),
  "\u008c": (machine) => pushText(machine, machine.cursor.uint8()),
  "\u008d": (machine) => pushText(machine, machine.cursor.uint64()),
  B: (machine) => pushBytes(machine, machine.cursor.uint32()),
  C: (machine) => pushBytes(machine, machine.cursor.uint8()),
  "\u008e": (machine) => pushBytes(machine, machine.cursor.uint64()),
  "\u0096": (machine) => pushBytes(machine, machine.cursor.uint64()),
};

function pushBytes(machine: PickleMachine, length: number): void {
  machine.pushRecord(machine.cursor.bytes(length));
}

function pushText(machine: PickleMachine, length: number): void {
  const bytes = machine.cursor.bytes(length);
  if (length > MAX_TEXT_BYTES) machine.pushRecord(bytes);
  else machine.pushRecord(textOf(bytes));
}

/** Python lets half surrogate pairs through, and names of files that are no Unicode: these stay bytes. */
function textOf(bytes: Uint8Array): string | Uint8Array {
  try {
    return decodeUtf8(bytes);
  } catch {
    return bytes;
  }
}

/** As a number where that is exact. */
function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function integerOf(machine: PickleMachine, line: string): number | bigint {
  if (!/^[+-]?\d+$/.test(line) || line.length > MAX_INTEGER_BYTES) {
    throw machine.cursor.malformed("what is no whole number");
  }
  return exact(BigInt(line.replace(/^\+/, "")));
}

/** Little-endian two's complement of any length. */
function pushLong(machine: PickleMachine, length: number): void {
  if (length > MAX_INTEGER_BYTES) {
    throw machine.cursor.malformed(`a whole number of ${length} bytes`);
  }
  const bytes = machine.cursor.bytes(length);
  if (length === 0) {
    machine.push(0);
    return;
  }
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"));
  machine.push(exact(BigInt.asIntN(8 * length, BigInt(`0x${digits.toReversed().join("")}`))));
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\",
  "'": "'",
  '"': '"',
  a: "\u0007",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/** A text in quotes, as Python's `repr` writes it. */
function quoted(machine: PickleMachine, line: string): string {
  const inner = /^(["'])(.*)\1$/s.exec(line)?.[2];
  if (inner === undefined) throw machine.cursor.malformed("a text without its quotes");
  return inner.replaceAll(
    /\\(?:x([\da-fA-F]{2})|([0-7]{1,3})|(.))/gs,
    (whole, hex?: string, octal?: string, letter?: string) => {
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
      return ESCAPES[letter!] ?? whole;
    },
  );
}

/** Python's `raw-unicode-escape`. */
function rawUnicode(line: string): string {
  return line.replaceAll(/\\u([\da-fA-F]{4})|\\U(00[01][\da-fA-F]{5})/g, (whole, four, eight) => {
    const code = Number.parseInt((four ?? eight) as string, 16);
    return code <= 0x10_ffff ? String.fromCodePoint(code) : whole;
  });
}
