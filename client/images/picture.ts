/** A picture of 8 bits a channel as it was decoded: `data` is `[height, width, channels]`. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** 3: red, green and blue; 1: grey. */
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

/** What an encoded picture says of itself before it is decoded. */
export interface PictureHead {
  /** As it is stored, before it is turned upright. */
  readonly width: number;
  readonly height: number;
  /** Of each channel. */
  readonly bits: number;
  /** Of a JPEG: 4 are inks. */
  readonly channels?: number;
}

/** Grey of a coloured picture as Pillow's `convert("L")` has it (ITU-R BT.601, in 16 bits; SPEC N4). */
export function greyOf(picture: Picture): Picture {
  if (picture.channels === 1) return picture;
  const { data, height, width } = picture;
  const grey = new Uint8Array(width * height);
  for (let pixel = 0, at = 0; pixel < grey.length; pixel++, at += 3) {
    const weighted = 19595 * data[at]! + 38470 * data[at + 1]! + 7471 * data[at + 2]!;
    grey[pixel] = (weighted + 0x8000) >> 16;
  }
  return { width, height, channels: 1, data: grey };
}

/** A grey picture in red, green and blue alike: `greyOf` gives it back. */
export function colouredOf(picture: Picture): Picture {
  if (picture.channels === 3) return picture;
  const { data: grey, height, width } = picture;
  const data = new Uint8Array(3 * grey.length);
  for (let pixel = 0; pixel < grey.length; pixel++)
    data.fill(grey[pixel]!, 3 * pixel, 3 * pixel + 3);
  return { width, height, channels: 3, data };
}
