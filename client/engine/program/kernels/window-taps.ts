/**
 * Along one axis, which places of its input a sliding window reads. What is true of an output by the
 * inputs that it reads is true of an input's gradient by the outputs that read it, so that both are
 * told the same way.
 */

/** One axis of a sliding window. */
export interface WindowAxis {
  /** Positions of the input and of the output. */
  readonly input: number;
  readonly output: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** Zeros before the input; as many behind it as the output needs. */
  readonly before: number;
}

/** A place that is read, and the tap of the kernel that it meets. */
export interface Tap {
  /** Counted from where the run of results begins to read. */
  readonly from: number;
  readonly tap: number;
}

/** How results along an axis, outputs or the inputs' gradients, read its other side. */
export interface AxisWalk {
  /** Results, and places of what they read. */
  readonly results: number;
  readonly source: number;
  /** Results of a run, after which everything repeats `advance` places further on. */
  readonly period: number;
  readonly advance: number;
  /** What each result of a run reads. */
  readonly taps: readonly (readonly Tap[])[];
  /** The least and the greatest `from`; both 0 where nothing is read. */
  readonly first: number;
  readonly last: number;
}

/** An output reads `output·stride − before + tap·dilation`. */
export function forwardWalk(axis: WindowAxis): AxisWalk {
  const { kernel, stride, dilation, before, input, output } = axis;
  const taps = Array.from({ length: kernel }, (_, tap) => ({ from: tap * dilation - before, tap }));
  return walk({ results: output, source: input, period: 1, advance: stride, taps: [taps] });
}

/** An input is read by the outputs at `(input + before − tap·dilation)/stride`, where that is whole. */
export function gradientWalk(axis: WindowAxis): AxisWalk {
  const { kernel, stride, dilation, before, input, output } = axis;
  const taps = Array.from({ length: stride }, (_, position) =>
    Array.from({ length: kernel }, (_unused, i) => kernel - 1 - i)
      .map((tap) => ({ from: (position + before - tap * dilation) / stride, tap }))
      .filter(({ from }) => Number.isInteger(from)),
  );
  return walk({ results: input, source: output, period: stride, advance: 1, taps });
}

function walk(rules: Omit<AxisWalk, "first" | "last">): AxisWalk {
  const places = rules.taps.flat().map(({ from }) => from);
  if (places.length === 0) return { ...rules, first: 0, last: 0 };
  return { ...rules, first: Math.min(...places), last: Math.max(...places) };
}

/** What each of `count` results in a row reads, the first at the beginning of a run. */
export function tapsOf({ period, advance, taps }: AxisWalk, count: number): readonly Tap[][] {
  return Array.from({ length: count }, (_, result) => {
    const moved = Math.floor(result / period) * advance;
    return taps[result % period]!.map(({ from, tap }) => ({ from: from + moved, tap }));
  });
}

/** Places from the first that `count` results in a row read, or might, to the last. */
export function placesRead({ period, advance, first, last }: AxisWalk, count: number): number {
  return (Math.ceil(count / period) - 1) * advance + last - first + 1;
}
