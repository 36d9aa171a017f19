import type { Operand } from "../../program/operands.ts";
import { stored } from "../../program/program-writer.ts";
import type { Convolver } from "./convolver.ts";
import { rowPassCalls, type RowWork } from "./plan-epilogue.ts";
import { imageBlocks, type Site, type Task } from "./stage.ts";

/** A convolution's output `[N, positions, channels]` and what is done to it. */
export interface Finishing extends Pick<RowWork, "bias" | "activation" | "activated" | "sums"> {
  readonly output: Operand;
  readonly positions: number;
  readonly channels: number;
  /** Added to it; may be the memory of the output. */
  readonly addend: Operand | undefined;
  /** Images of each norm group that `sums` are over: its first; all when left out. */
  readonly cleanImages?: number | undefined;
}

/**
 * Tasks that convolve a block of images, one slice of the output's channels, and pass over its rows
 * while they are in the cache.
 */
export function finishedTasks(site: Site, convolver: Convolver, finishing: Finishing): Task[] {
  const { output, positions, channels, addend, bias, cleanImages } = finishing;
  const { activation, activated } = finishing;
  const { slices } = convolver;
  // Where the output's memory holds the addend, the sums start from it.
  const inPlace = sameMemory(output, addend);
  const rest = inPlace ? undefined : addend;
  const source = site.address(output);
  const changes = [bias, rest, activation, activated].some((part) => part !== undefined);
  const work = {
    source,
    bias,
    addend: rest && stored(rest),
    activation,
    activated,
    target: changes ? source : undefined,
  };
  const taken = channels / slices;
  return imageBlocks(site, positions, cleanImages).flatMap((block) =>
    Array.from({ length: slices }, (_, slice): Task => {
      const calls = convolver.convolving(block, slice, inPlace);
      const sums = block.clean ? finishing.sums : undefined;
      if (!changes && !sums) return calls;
      const span = {
        group: block.group,
        row: block.image * positions,
        rows: block.count * positions,
        channels,
        column: slice * taken,
        taken,
        part: block.part,
      };
      return [...calls, ...rowPassCalls(site, span, { ...work, sums })];
    }),
  );
}

/** Whether two operands are the same memory. */
export function sameMemory(a: Operand, b: Operand | undefined): boolean {
  return b !== undefined && a.region === b.region && a.offset === b.offset;
}
