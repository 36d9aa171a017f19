/** Where the pictures of an array are. */
export interface PictureAxes {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  /** 1 grey, 3 colours, 4 colours and opacity. */
  readonly channels: 1 | 3 | 4;
  /** Whether each picture is a plane a channel, as PyTorch has it. */
  readonly isPlanar: boolean;
}

/** Longest side that a picture may have. */
const MOST_SIDE = 2 ** 14;

/**
 * Reads off its shape how an array holds pictures: `N×H×W`, `N×H×W×C`, `N×C×H×W`, or one `H×W×C`.
 *
 * @returns what is wrong where it holds none, or may hold them in two ways.
 *
 * @example
 * pictureAxes([60, 3, 32, 32]); // 60 of 32×32, planar
 */
export function pictureAxes(shape: readonly number[]): PictureAxes | string {
  const text = shape.join("×");
  const [count = 0, first = 0, second = 0, last = 0] = shape.length === 3 ? [1, ...shape] : shape;
  if (shape.length !== 3 && shape.length !== 4) {
    return `an array of ${text === "" ? "one number" : text}, which is not one of pictures: they are N×H×W×C, N×C×H×W or N×H×W`;
  }
  const isLast = isChannels(last) && first > 4 && second > 4;
  const isFirst = isChannels(first) && second > 4 && last > 4;
  if (shape.includes(0)) return `an array of ${text}, which holds nothing`;
  if (shape.length === 3 && !isLast) {
    // A few grey pictures, or the planes of one.
    if (isFirst && first > 1)
      return ambiguous(text, `${first} grey pictures or one of ${first} planes`);
    return within(
      { count: first, height: second, width: last, channels: 1, isPlanar: false },
      text,
    );
  }
  if (isLast)
    return within({ count, height: first, width: second, channels: last, isPlanar: false }, text);
  if (isFirst)
    return within({ count, height: second, width: last, channels: first, isPlanar: true }, text);
  if (isChannels(first) && isChannels(last)) return ambiguous(text, "N×C×H×W or N×H×W×C");
  return `an array of ${text}, in which no axis is one of 1, 3 or 4 channels: pictures are N×H×W×C, N×C×H×W or N×H×W`;
}

function isChannels(length: number): length is 1 | 3 | 4 {
  return length === 1 || length === 3 || length === 4;
}

function within(axes: PictureAxes, text: string): PictureAxes | string {
  const { height, width } = axes;
  if (height >= 1 && width >= 1 && height <= MOST_SIDE && width <= MOST_SIDE) return axes;
  return `an array of ${text}, whose pictures would be ${width}×${height}`;
}

function ambiguous(text: string, readings: string): string {
  return `an array of ${text} may be ${readings}: bring it to N×H×W×C (numpy.transpose, numpy.reshape) and save it again`;
}
