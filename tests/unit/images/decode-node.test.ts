import { expect, it } from "vitest";
import { decodeImage } from "../../../client/images/decode-node.ts";
import { SMALL_PICTURES } from "../../fixtures/small-pictures.ts";

for (const { file, height, name, pixels, width } of SMALL_PICTURES) {
  it(`decodes ${name} to the pixels that browsers are compared with`, async () => {
    const image = await decodeImage(Buffer.from(file, "base64"));
    expect(image).toMatchObject({ width, height });
    expect(Buffer.from(image.data).toString("base64")).toBe(pixels);
  });
}
