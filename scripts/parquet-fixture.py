"""Writes tests/fixtures/pictures.parquet: two groups of rows as Hugging Face's data sets are.

    python3 scripts/parquet-fixture.py

Needs pyarrow (25.0.1 wrote the file that is there). Three pictures with their classes, and one whose bytes
are in another file.
"""

import json
import struct
import zlib

import pyarrow as pa
import pyarrow.parquet as pq


def png(grey):
    """Of one pixel."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes([0, grey]))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
rows = [{"bytes": png(grey), "path": f"{grey}.png"} for grey in (10, 20, 30)]
rows.append({"bytes": None, "path": "elsewhere/40.png"})
features = {
    "img": {"_type": "Image"},
    "name": {"dtype": "string", "_type": "Value"},
    "fine_label": {"names": ["cat", "dog", "fox"], "_type": "ClassLabel"},
}
table = pa.table(
    {
        "name": ["a", "b", "c", "d"],
        "img": pa.array(rows, image),
        "fine_label": pa.array([2, 0, 1, 1], pa.int64()),
    }
).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
pq.write_table(table, "tests/fixtures/pictures.parquet", row_group_size=2, compression="zstd")
