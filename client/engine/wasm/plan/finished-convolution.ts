import type { Operand } from "../../program/operands.ts";
import { stored } from "../../program/program-writer.ts";
import type { Convolver } from "./convolver.ts";
import { rowPassCalls, type RowSpan, type RowWork } from "./plan-epilogue.ts";
import { imageBlocks, type Call, type Site, type Task } from "./stage.ts";

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
  const { positions, channels, cleanImages } = finishing;
  const { slices } = convolver;
  const finisher = new Finisher(site, finishing);
  const taken = channels / slices;
  return imageBlocks(site, positions, cleanImages).flatMap((block) =>
    Array.from({ length: slices }, (_, slice): Task => {
      const span = {
        group: block.group,
        row: block.image * positions,
        rows: block.count * positions,
        channels,
        column: slice * taken,
        taken,
        part: block.part,
      };
      return [
        ...convolver.convolving(block, slice, finisher.accumulates),
        ...finisher.calls(span, block.clean),
      ];
    }),
  );
}

/** What is done to rows of a convolution's output once they are summed. */
export class Finisher {
  readonly #site: Site;
  readonly #sums: Finishing["sums"];
  readonly #work: RowWork;
  /** Whether sums start from what the output's memory holds: the addend. */
  readonly accumulates: boolean;

  constructor(site: Site, finishing: Finishing) {
    const { output, addend, bias, activation, activated, sums } = finishing;
    this.#site = site;
    this.#sums = sums;
    this.accumulates = sameMemory(output, addend);
    const rest = this.accumulates ? undefined : addend;
    const source = site.address(output);
    const changes = [bias, rest, activation, activated].some((part) => part !== undefined);
    this.#work = {
      source,
      bias,
      addend: rest && stored(rest),
      activation,
      activated,
      target: changes ? source : undefined,
    };
  }

  /** Calls for some rows; sums are taken of clean ones. */
  calls(span: RowSpan, clean: boolean): Call[] {
    const sums = clean ? this.#sums : undefined;
    if (this.#work.target === undefined && !sums) return [];
    return rowPassCalls(this.#site, span, { ...this.#work, sums });
  }
}

/** Whether two operands are the same memory. */
export function sameMemory(a: Operand, b: Operand | undefined): boolean {
  return b !== undefined && a.region === b.region && a.offset === b.offset;
}
