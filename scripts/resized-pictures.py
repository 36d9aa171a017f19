"""Writes tests/fixtures/resized-pictures.ts: tiny pictures, and what Pillow makes of them.

    python3 scripts/resized-pictures.py > tests/fixtures/resized-pictures.ts

Needs Pillow (11.3.0 wrote the file that is there). Pillow knows no filter that does not widen: those
of OpenCV and PyTorch are written out here, pixel by pixel.
"""

import base64
import json
import math

from PIL import Image

FILTERS = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "nearest": Image.NEAREST}


def picture(width, height, seed):
    """Noise, with runs of black and white that a cubic overshoots."""
    state, values = seed, []
    for index in range(width * height * 3):
        state = (state * 1103515245 + 12345) % 2**31
        values.append((0 if state & 256 else 255) if index % 3 == 1 else state >> 16 & 255)
    return Image.frombytes("RGB", (width, height), bytes(values))


def weight(kind, x):
    x, a = abs(x), -0.75
    if kind == "bilinear":
        return max(0.0, 1 - x)
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * (x**3 - 5 * x**2 + 8 * x - 4) if x < 2 else 0.0


def sampled(image, width, height, kind):
    """Half-pixel centres, edges repeated: cv2.resize, and interpolate(align_corners=False)."""
    source, channels = image.tobytes(), len(image.getbands())

    def at(y, x, c):
        y, x = min(max(y, 0), image.height - 1), min(max(x, 0), image.width - 1)
        return source[(y * image.width + x) * channels + c]

    out = bytearray()
    for row in range(height):
        for column in range(width):
            y = (row + 0.5) * image.height / height - 0.5
            x = (column + 0.5) * image.width / width - 0.5
            near = [(math.floor(y) + i, math.floor(x) + j) for i in range(-1, 3) for j in range(-1, 3)]
            for c in range(channels):
                total = sum(weight(kind, y - v) * weight(kind, x - u) * at(v, u, c) for v, u in near)
                out.append(min(max(math.floor(total + 0.5), 0), 255))
    return bytes(out)


def resized(image, width, height, interpolation, antialias):
    if antialias or interpolation == "nearest":
        return image.resize((width, height), FILTERS[interpolation])
    return Image.frombytes(image.mode, (width, height), sampled(image, width, height, interpolation))


def prepared(image, case):
    """As torchvision's Resize and CenterCrop do."""
    image = image.convert("L") if case["channels"] == 1 else image
    size, to = case["size"], case["resizeTo"]
    width, height = to, to
    if case["resize"] == "shorter-side":
        if image.width <= image.height:
            height = int(to * image.height / image.width)
        else:
            width = int(to * image.width / image.height)
    image = resized(image, width, height, case["interpolation"], case["antialias"])
    top, left = int(round((height - size) / 2.0)), int(round((width - size) / 2.0))
    image = image.crop((left, top, left + size, top + size))
    if case["channelOrder"] == "bgr":
        image = Image.merge("RGB", image.split()[::-1])
    return image.tobytes()


def base64_of(data):
    return base64.b64encode(data).decode()


def case(**given):
    usual = {"channels": 3, "resize": "squash", "resizeTo": given["size"], "interpolation": "bilinear"}
    return {**usual, "antialias": True, "channelOrder": "rgb", **given}


PICTURES = [picture(13, 9, 1), picture(5, 11, 2), picture(3, 3, 3), picture(37, 29, 4)]

CASES = [
    *(case(size=size, interpolation=kind) for kind in FILTERS for size in (4, 7)),
    *(case(size=5, interpolation=kind, antialias=False) for kind in ("bilinear", "bicubic")),
    case(size=5, resize="shorter-side", resizeTo=6),
    case(size=4, resize="shorter-side", resizeTo=7, interpolation="bicubic", channelOrder="bgr"),
    case(size=3, resize="squash", resizeTo=8, interpolation="bilinear"),
    case(size=6, channels=1, resize="shorter-side", resizeTo=6, interpolation="bicubic"),
]

print("""import type { Preprocessing } from "../../protocol/round/preprocessing.ts";

/** What Pillow makes of pictures; written by scripts/resized-pictures.py. Base64. */
export interface ResizedPictures extends Omit<Preprocessing, "range" | "mean" | "std"> {
  readonly size: number;
  readonly channels: 1 | 3;
  /** `[size, size, channels]`, of each of `PICTURES`. */
  readonly pixels: readonly string[];
}

/** RGB. */
export const PICTURES: readonly {
  readonly width: number;
  readonly height: number;
  readonly data: string;
}[] = [""")
for image in PICTURES:
    data = base64_of(image.tobytes())
    print(f"  {json.dumps({'width': image.width, 'height': image.height, 'data': data})},")
print("];\n\nexport const RESIZED_PICTURES: readonly ResizedPictures[] = [")
for one in CASES:
    pixels = [base64_of(prepared(image, one)) for image in PICTURES]
    print(f"  {json.dumps({**one, 'pixels': pixels})},")
print("];")
