import {
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type FileMetaData,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import {
  type FindOptions,
  UnreadableError,
  type FoundImage,
  type ImageSource,
} from "../found-image.ts";

/** Bytes of a group of rows, unpacked: it is in memory as a whole. */
const MOST_IN_GROUP = 2 ** 30;

/** Rows of a group; usual are 100 to a million. */
const MOST_ROWS = 2 ** 22;

/** Which columns hold pictures and their classes. */
interface Columns {
  readonly image: string;
  readonly label: string | undefined;
}

/**
 * The pictures of a parquet file as Hugging Face's data sets are: a column of `{bytes, path}`, or of bytes
 * alone; a group of rows in memory at a time.
 *
 * @throws UnreadableError when it is damaged, or what else the source throws.
 */
export async function* parquetImages(
  source: ImageSource,
  { withLabels }: FindOptions,
): AsyncGenerator<FoundImage> {
  const { name } = source;
  const file = {
    byteLength: source.size,
    slice: async (start: number, end = source.size): Promise<ArrayBuffer> =>
      new Uint8Array(await source.read(start, end - start)).buffer,
  };
  const metadata = await readable(() => parquetMetadataAsync(file));
  const columns = columnsOf(metadata);
  if (typeof columns === "string") {
    yield { name, problem: columns };
    return;
  }
  let rowStart = 0;
  for (const { num_rows: rows, total_byte_size: bytes } of metadata.row_groups) {
    if (rows < 0 || rows > MOST_ROWS) {
      yield {
        name,
        problem: `says that a group of it has ${rows} rows, and at most ${MOST_ROWS} are read: write it with row_group_size=100`,
      };
      return;
    }
    const rowEnd = rowStart + Number(rows);
    if (bytes > MOST_IN_GROUP) {
      yield {
        name,
        problem: `its rows ${rowStart} to ${rowEnd - 1} are one group of ${bytes / 2n ** 20n} MiB, more than is read at once: write it with row_group_size=100`,
      };
      rowStart = rowEnd;
      continue;
    }
    const { image, label } = columns;
    const wanted = withLabels && label !== undefined ? [image, label] : [image];
    const within = boundedCompressors();
    const options = {
      file,
      metadata,
      compressors: within,
      utf8: false,
      columns: wanted,
      rowStart,
      rowEnd,
    };
    const found = await readable(() => parquetReadObjects(options));
    for (const [index, row] of found.entries()) {
      yield pictureOf(`${name}/row ${rowStart + index}`, row[image], label && row[label]);
    }
    rowStart = rowEnd;
  }
}

/** Ways of unpacking pages, which all together come to no more than a group may have. */
function boundedCompressors(): typeof compressors {
  let left = MOST_IN_GROUP;
  return Object.fromEntries(
    Object.entries(compressors).map(([codec, unpack]) => [
      codec,
      (packed: Uint8Array, length: number) => {
        left -= length;
        if (left < 0) throw new RangeError(`its pages unpack to more than ${MOST_IN_GROUP} bytes`);
        return unpack(packed, length);
      },
    ]),
  );
}

/** What the library throws of damage is a TypeError or RangeError as often as not. */
async function readable<Value>(read: () => Promise<Value>): Promise<Value> {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof UnreadableError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UnreadableError(`is damaged, or no parquet file that is read (${why})`, { cause });
  }
}

function pictureOf(name: string, image: unknown, label: unknown): FoundImage {
  const bytes = isRecord(image) ? image["bytes"] : image;
  if (!(bytes instanceof Uint8Array)) {
    const place = isRecord(image) ? image["path"] : undefined;
    const problem =
      typeof place === "string" && place !== ""
        ? "its bytes are not in the file, only the path of another: load and write the set anew with embedded images"
        : "it has no picture";
    return { name, problem };
  }
  return typeof label === "number" || typeof label === "bigint"
    ? { name, bytes, label: Number(label) }
    : { name, bytes };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !(value instanceof Uint8Array);
}

/** Of features as the `datasets` library writes them into the file's metadata, what they are. */
const TYPE = "_type";

interface Feature {
  readonly [TYPE]?: unknown;
}

const IMAGE_NAMES = ["image", "img", "picture", "jpg", "png", "pixel_values"];
const LABEL_NAMES = ["label", "labels", "fine_label", "cls", "class", "target"];

function columnsOf(metadata: FileMetaData): Columns | string {
  const features = featuresOf(metadata);
  const { children } = parquetSchema(metadata);
  const names = children.map(({ element }) => element.name);
  const ofType = (type: string): string[] =>
    names.filter((name) => features[name]?.[TYPE] === type);
  // A struct with bytes, or bytes that nobody says are text.
  const holdBytes = children.filter(({ children: parts, element }) =>
    parts.length > 0
      ? parts.some((part) => part.element.name === "bytes")
      : element.type === "BYTE_ARRAY" && element.converted_type === undefined,
  );
  const able = holdBytes.map(({ element }) => element.name);
  const images = ofType("Image").length > 0 ? ofType("Image") : able;
  const image =
    IMAGE_NAMES.find((name) => images.includes(name)) ??
    (images.length === 1 ? images[0] : undefined);
  if (image === undefined) {
    return `none of its columns is known to hold pictures (${names.join(", ")}): name it 'image', of bytes or of {bytes, path}`;
  }
  const classes = ofType("ClassLabel");
  const label =
    LABEL_NAMES.find((name) => names.includes(name)) ??
    (classes.length === 1 ? classes[0] : undefined);
  return { image, label };
}

function featuresOf({
  key_value_metadata: entries = [],
}: FileMetaData): Readonly<Record<string, Feature>> {
  const text = entries.find(({ key }) => key === "huggingface")?.value;
  if (text === undefined) return {};
  try {
    const said = JSON.parse(text) as { info?: { features?: Record<string, Feature> } } | null;
    return said?.info?.features ?? {};
  } catch {
    // Whoever wrote it did not mean it for us.
    return {};
  }
}
