"""Writes tests/fixtures/picture-kinds.ts: tiny pictures of many kinds, and the pixels that Pillow reads.

    python3 scripts/picture-kinds.py > tests/fixtures/picture-kinds.ts

Needs Pillow (9.4.0 wrote the file that is there). Kinds that it does not write are written here; what it
does not read, or cuts off (16 bits), is worked out here.
"""

import base64
import io
import json
import struct

from PIL import Image

WIDTH, HEIGHT = 7, 5


def values(count, most=255, seed=7):
    state, drawn = seed, []
    for _ in range(count):
        state = (state * 1103515245 + 12345) % 2**31
        drawn.append((state >> 16) % (most + 1))
    return drawn


def picture(mode, seed=7):
    count = WIDTH * HEIGHT * len(Image.new(mode, (1, 1)).getbands())
    return Image.frombytes(mode, (WIDTH, HEIGHT), bytes(values(count, seed=seed)))


def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def over_white(image):
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    if "A" not in image.getbands():
        return image.convert("RGB")
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


CASES = []


def case(name, file, pixels=None, size=None):
    if pixels is None:
        image = over_white(Image.open(io.BytesIO(file)))
        pixels, size = image.tobytes(), image.size
    width, height = size or (WIDTH, HEIGHT)
    coded = [base64.b64encode(bytes(data)).decode() for data in (file, pixels)]
    CASES.append({"name": name, "file": coded[0], "width": width, "height": height, "pixels": coded[1]})


def grey(levels):
    return [level for level in levels for _ in range(3)]


# Netpbm.
LEVELS = values(WIDTH * HEIGHT)
COLOURS = values(3 * WIDTH * HEIGHT)
BITS = values(WIDTH * HEIGHT, 1)
SIZE = f"{WIDTH} {HEIGHT}"
rows = [BITS[y * WIDTH : (y + 1) * WIDTH] for y in range(HEIGHT)]
packed_rows = bytes(int("".join(map(str, row)).ljust(8, "0"), 2) for row in rows)
case("a PBM of text", f"P1\n# bits\n{SIZE}\n{''.join(map(str, BITS))}\n".encode(), grey(255 * (1 - b) for b in BITS))
case("a PBM", f"P4\n{SIZE}\n".encode() + packed_rows, grey(255 * (1 - b) for b in BITS))
case("a PGM of text", f"P2 {SIZE} # grey\n255\n{' '.join(map(str, LEVELS))}".encode())
case("a PGM", f"P5\n{SIZE}\n255\n".encode() + bytes(LEVELS))
SIXTEEN = values(WIDTH * HEIGHT, 4095)
case(
    "a PGM of 12 bits",
    f"P5\n{SIZE}\n4095\n".encode() + struct.pack(f">{len(SIXTEEN)}H", *SIXTEEN),
    grey(round(255 * value / 4095) for value in SIXTEEN),
)
case("a PPM of text", f"P3\n{SIZE}\n255\n{' '.join(map(str, COLOURS))}\n".encode())
case("a PPM", f"P6\n# made here\n{SIZE}\n255\n".encode() + bytes(COLOURS))
head = f"P7\nWIDTH {WIDTH}\nHEIGHT {HEIGHT}\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n"
case("a PAM", head.encode() + picture("RGBA").tobytes(), over_white(picture("RGBA")).tobytes())

# BMP.
indexed = picture("L").quantize(16)
case("a BMP", saved(picture("RGB"), "BMP"))
case("a grey BMP", saved(picture("L"), "BMP"))
case("a BMP of a palette", saved(picture("RGB").quantize(40), "BMP"))
case("a BMP of bits", saved(picture("L").convert("1"), "BMP"))


def bitmap(bits, packing, data, palette=b"", masks=b"", height=HEIGHT):
    start = 14 + 40 + len(masks) + len(palette)
    info = struct.pack("<IiiHHIIiiII", 40, WIDTH, height, 1, bits, packing, len(data), 0, 0, len(palette) // 4, 0)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + info + masks + palette + data


palette = b"".join(struct.pack("<BBBB", *values(3, seed=i + 1), 0) for i in range(16))
runs = b"".join(bytes([4, (i * 5) % 16, 0, 3, i, 15, 2, 0, 0, 0]) for i in range(HEIGHT)) + b"\0\1"
case("a BMP of runs", bitmap(8, 1, runs, palette))
nibbles = b"".join(bytes([3, 0x1A + i, 0, 4, 0x70 + i, 0x25, 0, 0]) for i in range(HEIGHT)) + b"\0\1"
case("a BMP of runs of nibbles", bitmap(4, 2, nibbles, palette))
lines = b"".join(struct.pack(f"<{WIDTH}Hxx", *values(WIDTH, 65535, seed=y + 1)) for y in range(HEIGHT))
case("a BMP of 16 bits", bitmap(16, 3, lines, masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F)))
case("a BMP from the top", bitmap(32, 0, picture("RGBX").tobytes(), height=-HEIGHT))
opaque = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
with_opacity = bitmap(32, 6, picture("RGBA").tobytes(), masks=opaque)
blue_first = Image.frombytes("RGBA", (WIDTH, HEIGHT), picture("RGBA").tobytes(), "raw", "BGRA", 0, -1)
case("a BMP with opacity", with_opacity, over_white(blue_first).tobytes())

# GIF.
case("a GIF", saved(picture("RGB").quantize(30), "GIF"))
clear = picture("L").quantize(8)
case("a GIF with a clear colour", saved(clear, "GIF", transparency=3))
frames = [picture("RGB", seed).quantize(30) for seed in (3, 4)]
case("a GIF's first frame", saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50))

# JPEG of inks.
smooth = Image.merge("CMYK", [picture("L", seed).resize((16, 16), Image.BILINEAR) for seed in (1, 2, 3, 4)])
inks = saved(smooth, "JPEG", quality=95, subsampling=0)
case("a JPEG of inks", inks)
marker = inks.index(b"\xff\xeeAdobe" if b"\xff\xeeAdobe" in inks else b"\xff\xee\x00\x0eAdobe")
case("a JPEG of inks without Adobe's marker", inks[:marker] + inks[marker + 16 :])

# TIFF.
LONG, SHORT = 4, 3


def tiff(tags, blocks, order="<", offsets=273, counts=279):
    """A TIFF of one directory; its blocks come after the header."""
    data = b"".join(block + b"\0" * (len(block) % 2) for block in blocks)
    places = [8 + sum(len(b) + len(b) % 2 for b in blocks[:i]) for i in range(len(blocks))]
    tags = {**tags, offsets: (LONG, places), counts: (LONG, [len(b) for b in blocks])}
    start = 8 + len(data)
    extra = start + 2 + 12 * len(tags) + 4
    entries, beyond = b"", b""
    for tag, (kind, numbers) in sorted(tags.items()):
        packed = struct.pack(order + str(len(numbers)) + ("I" if kind == LONG else "H"), *numbers)
        if len(packed) > 4:
            place, beyond = extra + len(beyond), beyond + packed + b"\0" * (len(packed) % 2)
            packed = struct.pack(order + "I", place)
        entries += struct.pack(order + "HHI", tag, kind, len(numbers)) + packed.ljust(4, b"\0")
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, start)
    return head + data + struct.pack(order + "H", len(tags)) + entries + b"\0\0\0\0" + beyond


def basic(bits, photometric, width=WIDTH, height=HEIGHT, **more):
    tags = {256: [width], 257: [height], 258: bits, 259: [1], 262: [photometric], 277: [len(bits)]}
    tags |= {int(tag[1:]): numbers for tag, numbers in more.items()}
    return {tag: (SHORT, numbers) for tag, numbers in tags.items()}


rgb = picture("RGB").tobytes()
row = 3 * WIDTH
for name, packing in (("LZW", "tiff_lzw"), ("Deflate", "tiff_adobe_deflate"), ("PackBits", "packbits")):
    case(f"a TIFF packed with {name}", saved(picture("RGB"), "TIFF", compression=packing))
case("a TIFF packed with LZW and predicted", saved(picture("RGB"), "TIFF", compression="tiff_lzw", tiffinfo={317: 2}))
case("a TIFF of strips", tiff(basic([8, 8, 8], 2, _278=[2]), [rgb[: 2 * row], rgb[2 * row : 4 * row], rgb[4 * row :]]))
case("a TIFF of a palette", saved(picture("RGB").quantize(20), "TIFF"))
case("a TIFF of bits", saved(picture("L").convert("1"), "TIFF"))
case("a TIFF of inks", saved(picture("CMYK"), "TIFF"))
case("a TIFF with opacity", saved(picture("RGBA"), "TIFF"))
case("a TIFF that is white at zero", tiff(basic([8], 0), [picture("L").tobytes()]))
case("a TIFF turned", tiff(basic([8, 8, 8], 2, _274=[6]), [rgb]),
     picture("RGB").transpose(Image.ROTATE_270).tobytes(), (HEIGHT, WIDTH))
planes = [band.tobytes() for band in picture("RGB").split()]
case("a TIFF of planes", tiff(basic([8, 8, 8], 2, _284=[2]), planes))
wide = values(WIDTH * HEIGHT, 65535)
for order in "<>":
    case(
        f"a grey TIFF of 16 bits, {'lowest' if order == '<' else 'highest'} byte first",
        tiff(basic([16], 1), [struct.pack(f"{order}{len(wide)}H", *wide)], order),
        grey(round(255 * value / 65535) for value in wide),
    )
large = Image.frombytes("RGB", (20, 18), bytes(values(3 * 20 * 18)))
tiles = []
for top in (0, 16):
    for left in (0, 16):
        tile = Image.new("RGB", (16, 16))
        tile.paste(large.crop((left, top, min(left + 16, 20), min(top + 16, 18))))
        tiles.append(tile.tobytes())
case("a TIFF of tiles", tiff(basic([8, 8, 8], 2, 20, 18, _322=[16], _323=[16]), tiles, offsets=324, counts=325),
     large.tobytes(), large.size)

print("""import type { SmallPicture } from "./small-pictures.ts";

/** Pictures of many kinds, and what Pillow reads of them; written by scripts/picture-kinds.py. */
export const PICTURE_KINDS: readonly SmallPicture[] = [""")
for one in CASES:
    print(f"  {json.dumps(one)},")
print("];")
