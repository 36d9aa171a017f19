import sharp from "sharp";
import type { LoadedImages } from "../images/image-set.ts";
import { imageSize } from "../images/image-set.ts";
import { SHAPES } from "./shapes.ts";
import type { SampleImage } from "./report-page.ts";

export interface SampleSource {
  readonly clean: LoadedImages;
  readonly triggered: LoadedImages;
  /** Both models' answers to the stamped images. */
  readonly teacherAnswers: ArrayLike<number>;
  readonly cleansedAnswers: ArrayLike<number>;
}

/** The first images of a drawn set for the report, one of each class. */
export async function sampleImages(source: SampleSource): Promise<SampleImage[]> {
  return await Promise.all(
    SHAPES.map(async ({ name }, index) => ({
      label: name,
      clean: await png(source.clean, index),
      triggered: await png(source.triggered, index),
      teacherAnswer: className(source.teacherAnswers[index]),
      cleansedAnswer: className(source.cleansedAnswers[index]),
    })),
  );
}

function className(index: number | undefined): string {
  return SHAPES[index ?? -1]?.name ?? "?";
}

async function png(images: LoadedImages, index: number): Promise<Uint8Array> {
  const size = imageSize(images);
  const { width, height } = images;
  return await sharp(images.pixels.subarray(index * size, (index + 1) * size), {
    raw: { width, height, channels: 3 },
  })
    .png()
    .toBuffer();
}
