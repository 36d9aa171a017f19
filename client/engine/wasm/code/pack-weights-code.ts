import type { FunctionWriter, Local } from "./assembler.ts";
import { FLOAT_BYTES, LANES, VECTOR_BYTES } from "./register-tile.ts";

/** Copies a matrix into panels of columns. Strides in floats, the pitch in bytes. */
export interface PanelPacking {
  readonly rows: number;
  readonly rowStride: number;
  readonly columnStride: number;
  readonly vectors: number;
  /** Columns of the last vector that exist. */
  readonly lanes: number;
  /** From one panel to the next, where they are written. */
  readonly panelPitch: number;
  /** Whether the address of the panels counts from the thread's scratch. */
  readonly toScratch: boolean;
}

/** Writes a `PanelPacking`. Arguments: scratch, matrix, panels to write, their number. */
export function writePanelPacking(writer: FunctionWriter, shape: PanelPacking): void {
  const [scratch, matrix, packed, panels] = writer.parameters as [Local, Local, Local, Local];
  const { rows, rowStride, columnStride, vectors, lanes } = shape;
  const from = writer.integer();
  const to = writer.integer();
  const columnBytes = columnStride * FLOAT_BYTES;
  if (shape.toScratch) writer.addInteger(packed, scratch);
  writer.repeatVariable(panels, () => {
    writer.offset(from, matrix, 0).offset(to, packed, 0);
    writer.repeat(rows, () => {
      for (let v = 0; v < vectors; v++) {
        const at = v * LANES * columnBytes;
        const count = v === vectors - 1 ? lanes : LANES;
        writer.storeVector(to, v * VECTOR_BYTES, () => {
          if (columnStride === 1 && count === LANES) writer.loadVector(from, at);
          else writer.loadStrided(from, at, columnBytes, count);
        });
      }
      writer.advance(from, rowStride * FLOAT_BYTES).advance(to, vectors * VECTOR_BYTES);
    });
    writer.advance(matrix, vectors * LANES * columnBytes).advance(packed, shape.panelPitch);
  });
}
