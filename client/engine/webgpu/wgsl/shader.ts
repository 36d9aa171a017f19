import type { Operand, Region } from "../../program/operands.ts";
import { CHECKED_PACK, CONVERSIONS } from "./halves.ts";
import { SETTINGS_STRUCT } from "./settings.ts";

/**
 * A compute shader in the making, and the numbers one dispatch of it is given.
 *
 * Every shader sees the same bindings: each region of memory whole, and `places`, a uniform of
 * numbers that differ between kernels of one shape (where operands begin, which image is first).
 * Shapes are constants of the code, so that a network of equal layers needs few pipelines.
 */

/** Regions of the program, and those that only this backend knows. */
export type Memory = Region | "velocity" | "input" | "results";

/** Somewhere in memory, in floats. */
export interface FloatPlace {
  readonly memory: Memory;
  readonly offset: number;
}

/** Values that one access moves: a whole vector, or one value. */
export type Width = 1 | 4;

/** Numbers a dispatch can be given. */
export const MAX_PLACES = 32;

export const BINDINGS: Readonly<Record<Memory | "settings" | "places", number>> = {
  arena: 0,
  student: 1,
  gradient: 2,
  teacher: 3,
  velocity: 4,
  input: 5,
  results: 6,
  settings: 7,
  places: 8,
  halves: 9,
};

/** Memory that no shader writes. */
export const READ_ONLY: ReadonlySet<Memory> = new Set(["teacher", "input"]);

/** A piece of memory as a shader names it. */
export interface Tensor {
  readonly memory: Memory;
  /** Where it begins, in accesses of `width` values. */
  readonly base: string;
  readonly width: Width;
}

export interface Dispatch {
  /** For people. */
  readonly label: string;
  readonly code: string;
  readonly places: readonly number[];
  readonly workgroups: readonly [x: number, y: number, z: number];
  /** Estimated work, in multiply-adds and floats moved; decides where a step is cut. */
  readonly cost: number;
}

export type WorkgroupSize = readonly [x: number, y: number];

export class ShaderWriter {
  readonly #views: ReadonlyMap<Memory, Width>;
  readonly #used = new Set<Memory>();
  readonly #places: number[] = [];
  readonly #lets: string[] = [];
  readonly #globals = new Set<string>();
  #usesSettings = false;
  #usesSubgroups = false;

  /** @param wide regions that are accessed by whole vectors of four; halves always are. */
  constructor(wide: readonly Memory[]) {
    this.#views = new Map([...wide, "halves" as const].map((memory) => [memory, 4]));
  }

  /** Makes an operand known; its place is given at dispatch. */
  operand(name: string, { region, offset }: Operand): Tensor {
    return this.memory(name, region, offset);
  }

  memory(name: string, memory: Memory, offset: number): Tensor {
    this.#used.add(memory);
    const width = this.#views.get(memory) ?? 1;
    if (offset % width !== 0) throw new Error(`${name} at ${offset} is not aligned to ${width}`);
    return { memory, base: this.place(`${name}_at`, offset / width), width };
  }

  /** A number given at dispatch. */
  place(name: string, value: number): string {
    const index = this.#places.length;
    if (index === MAX_PLACES) throw new Error("a dispatch has too many operands");
    this.#places.push(value);
    this.#lets.push(`let ${name} = places[${index >> 2}].${"xyzw"[index & 3]};`);
    return name;
  }

  get settings(): string {
    this.#usesSettings = true;
    return "settings";
  }

  requireSubgroups(): void {
    this.#usesSubgroups = true;
  }

  /** `var<workgroup>` of vectors. */
  shared(name: string, type: string): void {
    this.#globals.add(`var<workgroup> ${name}: ${type};`);
  }

  /** A declaration outside of the entry point; made once, however often it is asked for. */
  global(text: string): void {
    this.#globals.add(text);
  }

  /**
   * @param body statements; `group` is the workgroup's id, `local` the invocation's in it and `lane`
   *   its index.
   */
  dispatch(
    label: string,
    [x, y]: WorkgroupSize,
    workgroups: Dispatch["workgroups"],
    cost: number,
    body: string,
  ): Dispatch {
    const grid = gridOf(workgroups);
    const halves = this.#used.has("halves");
    const checksHalves = body.includes("narrow(");
    if (checksHalves) {
      this.#used.add("results");
      this.#usesSettings = true;
    }
    const bindings = [...this.#used].map((memory) => {
      const access = READ_ONLY.has(memory) ? "read" : "read_write";
      const element =
        checksHalves && memory === "results" ? "atomic<u32>" : this.#elementOf(memory);
      return `@group(0) @binding(${BINDINGS[memory]}) var<storage, ${access}> ${memory}: array<${element}>;`;
    });
    const code = [
      this.#usesSubgroups ? "enable subgroups;" : "",
      this.#usesSettings ? SETTINGS_STRUCT : "",
      this.#usesSettings
        ? `@group(0) @binding(${BINDINGS.settings}) var<uniform> settings: Settings;`
        : "",
      `@group(0) @binding(${BINDINGS.places}) var<uniform> places: array<vec4<u32>, ${MAX_PLACES / 4}>;`,
      ...bindings.toSorted(),
      halves ? CONVERSIONS : "",
      checksHalves ? CHECKED_PACK : "",
      ...this.#globals,
      `@compute @workgroup_size(${x}, ${y})`,
      `fn main(@builtin(workgroup_id) ${grid.name}: vec3u, @builtin(local_invocation_id) local: vec3u,`,
      "  @builtin(local_invocation_index) lane: u32) {",
      grid.declare,
      ...this.#lets,
      body,
      "}",
    ]
      .filter((line) => line !== "")
      .join("\n");
    return { label, code, places: this.#places, workgroups: grid.workgroups, cost };
  }

  #elementOf(memory: Memory): string {
    if (memory === "halves") return "vec2u";
    const scalar = memory === "input" ? "u32" : "f32";
    return this.#views.get(memory) === 4 ? `vec4<${scalar}>` : scalar;
  }
}

/** WebGPU's least limit on workgroups in one direction. */
export const MOST_WORKGROUPS = 65_535;

/** How a dispatch's workgroups are given out. */
interface Grid {
  readonly workgroups: Dispatch["workgroups"];
  /** Of the workgroup's id as it is given out. */
  readonly name: string;
  /** Statements: `group`, where that is another. */
  readonly declare: string;
}

/** As they are, or where they are too many along y, some of them along z. */
function gridOf(workgroups: Dispatch["workgroups"]): Grid {
  const [x, y, z] = workgroups;
  if (y <= MOST_WORKGROUPS) return { workgroups, name: "group", declare: "" };
  const layers = Math.ceil(y / MOST_WORKGROUPS);
  const rows = Math.ceil(y / layers);
  return {
    workgroups: [x, rows, z * layers],
    name: "given",
    declare: `let group = vec3u(given.x, given.z % ${layers}u * ${rows}u + given.y, given.z / ${layers}u);
if (group.y >= ${y}u) { return; }`,
  };
}

/** An expression of an i32: times a constant. */
export function times(value: string, factor: number): string {
  return factor === 1 ? value : `${value} * ${factor}`;
}

/** Repeats a piece of code with a constant, 0 … count − 1. */
export function unroll(count: number, piece: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => piece(index)).join("\n");
}
