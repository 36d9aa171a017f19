/** Most bytes that a picture in an archive may unpack to. */
const PICTURE_BYTES = 64 * 2 ** 20;

/** Of a data set in one: it is in memory as a whole. */
const SET_BYTES = 2 ** 30;

const SET_NAMES =
  /\.(?:npy|bin|gz|parquet)$|-ubyte$|(?:^|\/)(?:data_batch_\d|test_batch|train|test)$/i;

/** Most bytes that a member of an archive may unpack to, by its name. */
export function memberLimit(name: string): number {
  return SET_NAMES.test(name) ? SET_BYTES : PICTURE_BYTES;
}

export function tooLarge(limit: number): string {
  return `unpacks to more than ${Math.floor(limit / 2 ** 20)} MiB`;
}
