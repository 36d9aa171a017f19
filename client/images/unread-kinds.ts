import { carries, type Sign } from "./signs.ts";

/** A kind of file that is recognised, to say what it is and what to do about it. */
interface UnreadKind {
  readonly what: string;
  readonly advice: string;
  readonly signs?: readonly Sign[];
  /** Where its content says nothing, or what a kind does that others are built like. */
  readonly names?: RegExp;
}

const MAGICK = "convert it to PNG or JPEG, with ImageMagick for one: magick IN OUT.png";
const FRAMES = "take pictures out of it: ffmpeg -i IN -vf fps=1 OUT-%04d.png";
const UNPACK = "unpack it and give the folder, or pack it as zip or tar.gz";
const DRAW = "draw it to PNG at the size that the model was trained with";
const ARRAYS = "write its images as npy or npz (numpy.save, uint8, N×H×W×C), or as a folder of PNG";
const NO_PICTURES = "give pictures, or an archive of them";

const RAW = {
  what: "a camera's raw picture",
  advice: "develop it to JPEG, PNG or TIFF with the camera's program, darktable or RawTherapee",
  names:
    /\.(?:dng|cr[23]|crw|nef|nrw|arw|sr[2fw]|orf|rw2|raf|pef|raw|rwl|x3f|3fr|iiq|dcr|kdc|mrw|erf)$/i,
} as const;

/** A box of an ISO base media file, its brand first. */
const brand = (...names: readonly string[]): readonly Sign[] =>
  names.map((name) => [[4, `ftyp${name}`]]);
const begins = (...bytes: readonly string[]): readonly Sign[] => bytes.map((some) => [[0, some]]);

/** The first that fits is taken. */
const UNREAD: readonly UnreadKind[] = [
  {
    what: "a HEIC or HEIF photograph, as phones take them",
    advice:
      "convert it to JPEG (macOS: sips -s format jpeg IN --out OUT.jpg; elsewhere: heif-convert IN OUT.jpg), or have the phone take 'most compatible' pictures",
    signs: brand("heic", "heix", "hevc", "hevx", "heim", "heis", "hevm", "hevs", "mif1", "msf1"),
  },
  {
    ...RAW,
    signs: [
      ...brand("crx "),
      ...begins("IIU\0", "IIRO", "IIRS", "MMOR", "FUJIFILMCCD-RAW", "FOVb"),
    ],
  },
  { what: "a video", advice: FRAMES, signs: [[[4, "ftyp"]], [[4, "moov"]], [[4, "mdat"]]] },
  {
    what: "a video",
    advice: FRAMES,
    signs: begins(
      "\x1a\x45\xdf\xa3",
      "FLV\x01",
      "\0\0\x01\xba",
      "\0\0\x01\xb3",
      "\x30\x26\xb2\x75",
    ),
  },
  {
    what: "a video",
    advice: FRAMES,
    signs: [
      [
        [0, "RIFF"],
        [8, "AVI "],
      ],
    ],
  },
  {
    what: "a JPEG 2000 picture",
    advice: MAGICK,
    signs: begins("\0\0\0\x0cjP  \r\n\x87\n", "\xff\x4f\xff\x51"),
  },
  {
    what: "a JPEG XL picture",
    advice: "convert it: djxl IN OUT.png",
    signs: begins("\xff\x0a", "\0\0\0\x0cJXL \r\n\x87\n"),
  },
  { what: "a JPEG XR picture", advice: MAGICK, signs: begins("II\xbc\x01") },
  {
    what: "a Targa picture (TGA)",
    advice: MAGICK,
    // No palette, and colours or grey, plain or in runs.
    signs: begins(
      "\0\0\x02\0\0\0\0\0",
      "\0\0\x03\0\0\0\0\0",
      "\0\0\x0a\0\0\0\0\0",
      "\0\0\x0b\0\0\0\0\0",
    ),
    names: /\.(?:tga|icb|vda|vst)$/i,
  },
  {
    what: "an icon of several pictures (ICO)",
    advice: MAGICK,
    signs: begins("\0\0\x01\0", "\0\0\x02\0"),
  },
  { what: "Apple's icon (ICNS)", advice: MAGICK, signs: begins("icns") },
  {
    what: "a BigTIFF",
    advice: "convert it to a TIFF of the usual kind, or to PNG",
    signs: begins("II+\0", "MM\0+"),
  },
  { what: "a Photoshop document", advice: "export it as PNG", signs: begins("8BPS") },
  { what: "a picture of GIMP", advice: "export it as PNG", signs: begins("gimp xcf") },
  { what: "an SVG drawing", advice: DRAW, names: /\.svgz?$/i },
  {
    what: "a PDF",
    advice: "take its pages as pictures: pdftoppm -png IN OUT",
    signs: begins("%PDF-"),
  },
  {
    what: "a picture of more than 8 bits' range (OpenEXR, Radiance HDR or PFM)",
    advice: "bring it to 8 bits as it was for training, and save it as PNG",
    signs: begins("\x76\x2f\x31\x01", "#?RADIANCE", "#?RGBE", "PF\n", "Pf\n"),
  },
  {
    what: "a DICOM file",
    advice: "export it as PNG at the window that was used for training",
    signs: [[[128, "DICM"]]],
  },
  {
    what: "a FITS file",
    advice: "bring it to 8 bits as it was for training, and save it as PNG",
    signs: begins("SIMPLE  ="),
  },
  { what: "a QOI picture", advice: MAGICK, signs: begins("qoif") },
  { what: "a 7z archive", advice: UNPACK, signs: begins("7z\xbc\xaf\x27\x1c") },
  { what: "a RAR archive", advice: UNPACK, signs: begins("Rar!\x1a\x07") },
  { what: "packed with xz", advice: UNPACK, signs: begins("\xfd7zXZ\0") },
  { what: "packed with bzip2", advice: UNPACK, signs: begins("BZh") },
  { what: "packed with Zstandard", advice: UNPACK, signs: begins("\x28\xb5\x2f\xfd") },
  { what: "an HDF5 file", advice: ARRAYS, signs: begins("\x89HDF\r\n\x1a\n") },
  {
    what: "a file of MATLAB's",
    advice: `${ARRAYS}; scipy.io.loadmat reads it`,
    signs: begins("MATLAB 5.0 MAT-file"),
  },
  {
    what: "an Arrow file",
    advice: "write it as parquet: dataset.to_parquet(OUT)",
    signs: begins("ARROW1"),
  },
  { what: "a database (SQLite)", advice: NO_PICTURES, signs: begins("SQLite format 3\0") },
  {
    what: "a placeholder of Git LFS, not the file itself",
    advice: "fetch the file: git lfs pull",
    signs: begins("version https://git-lfs.github.com/spec/"),
  },
  {
    what: "a web page, saved under the name of a picture",
    advice: "download the picture itself",
    signs: begins("<!DOCTYPE html", "<!doctype html", "<html", "<HTML"),
  },
  { what: "a file of TFRecords", advice: ARRAYS, names: /\.tfrecords?(?:-\d+-of-\d+)?$/i },
];

/**
 * What a file is that gives no image, and what to do about it.
 *
 * @returns undefined for what is not recognised.
 *
 * @example
 * unreadReason(head, "IMG_1.HEIC"); // "a HEIC or HEIF photograph, …, which is not read: convert it to JPEG …"
 */
export function unreadReason(head: Uint8Array, name: string): string | undefined {
  const known = UNREAD.find(
    ({ names, signs }) =>
      names?.test(name) === true || (signs !== undefined && carries(head, signs)),
  );
  return known && reasonOf(known);
}

/** Of a camera's raw picture: many are built as TIFFs are, and known by their names or tags alone. */
export const RAW_REASON = reasonOf(RAW);

/** Whether a file's name is one that cameras give raw pictures. */
export function isRawName(name: string): boolean {
  return RAW.names.test(name);
}

function reasonOf({ what, advice }: Pick<UnreadKind, "what" | "advice">): string {
  return `${what}, which is not read: ${advice}`;
}
