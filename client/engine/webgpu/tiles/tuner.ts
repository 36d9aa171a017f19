import type { ConvGeometry } from "../../program/kernels/convolution.ts";
import type { Program } from "../../program/program.ts";
import type { Device } from "../device/device.ts";
import { TileBench } from "./tile-bench.ts";
import {
  fitsDevice,
  isProduct,
  productShape,
  SHARED_TILES,
  tiledImages,
  type ProductKernel,
  type ProductKind,
  type Tiles,
} from "./tiles.ts";
import type { TuningStore } from "./tuning-store.ts";
import { tileColumns, tileRows, type Tile } from "../wgsl/tile.ts";

/** Changes when the kernels do: what was measured before is measured again. */
const KERNELS_VERSION = 1;

/** How much faster a tile must be than the default to take its place. */
const WORTHWHILE = 0.95;

/**
 * Measures which tile suits each product of each convolution best, once for an adapter. A choice
 * stays for as long as the engine lives, so that what is done again gives the same bits.
 */
export class Tuner {
  readonly #store: TuningStore;
  readonly #chosen = new Map<string, Tile>();

  constructor(store: TuningStore) {
    this.#store = store;
  }

  /** Tiles for a program, which was compiled with the defaults. */
  async tilesFor(device: Device, program: Program, defaults: Tiles): Promise<Tiles> {
    const halves = program.halvesLength > 0;
    let bench: TileBench | undefined;
    for (const { kernel, groupSize: allImages } of program.kernels) {
      if (!isProduct(kernel)) continue;
      const { kind } = kernel;
      const groupSize = tiledImages(kernel, allImages);
      const images = program.groups * groupSize;
      const geometry = { ...kernel.geometry, images };
      const key = keyOf(device.info, kind, geometry, groupSize, halves);
      if (this.#chosen.has(key)) continue;
      const standard = defaults.tileFor(kind, geometry, groupSize);
      const stored = parseTile(await this.#store.get(key));
      if (stored && fitsDevice(stored, device)) {
        this.#chosen.set(key, stored);
        continue;
      }
      bench ??= new TileBench(device, program);
      const tile = await choose(bench, device, { kind, geometry }, groupSize, standard);
      this.#chosen.set(key, tile);
      await this.#store.set(key, JSON.stringify(tile));
    }
    bench?.destroy();
    return {
      ...defaults,
      tileFor: (kind, geometry, size) =>
        this.#chosen.get(keyOf(device.info, kind, geometry, size, halves)) ??
        defaults.tileFor(kind, geometry, size),
    };
  }
}

async function choose(
  bench: TileBench,
  device: Device,
  { kind, geometry }: Pick<ProductKernel, "kind" | "geometry">,
  groupSize: number,
  standard: Tile,
): Promise<Tile> {
  const { rows, columns } = productShape(kind, geometry, groupSize);
  const candidates = SHARED_TILES.filter(
    (tile) =>
      tile !== standard &&
      fitsDevice(tile, device) &&
      // Mostly empty tiles need no measurement.
      tileColumns(tile) < 2 * Math.max(columns, 32) &&
      tileRows(tile) < 2 * Math.max(rows, 32),
  );
  let best = standard;
  let bestMs = WORTHWHILE * (await bench.measure(kind, geometry, groupSize, standard));
  for (const tile of candidates) {
    const ms = await bench.measure(kind, geometry, groupSize, tile);
    if (ms >= bestMs) continue;
    best = tile;
    bestMs = ms;
  }
  return best;
}

/** A choice must not depend on how many norm groups there are. */
function keyOf(
  info: GPUAdapterInfo,
  kind: ProductKind,
  geometry: ConvGeometry,
  groupSize: number,
  halves: boolean,
): string {
  const { vendor, architecture, device, description } = info;
  const { images: _, ...shape } = geometry;
  const adapter = [vendor, architecture, device, description].join(" ");
  const stored = halves ? ["f16"] : [];
  return [KERNELS_VERSION, adapter, kind, groupSize, ...Object.values(shape), ...stored].join("|");
}

function parseTile(text: string | undefined): Tile | undefined {
  if (text === undefined) return undefined;
  // Only what this version knows; anything else is measured again.
  return SHARED_TILES.find((tile) => JSON.stringify(tile) === text);
}
