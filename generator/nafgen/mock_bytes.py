"""Answers of bytes of a mocked upstream: small files that programs can open."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Final

_ANYTHING: Final = bytes(range(256))
_GIF: Final = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
_SVG: Final = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'


def mock_bytes(media_type: str, limit: int) -> bytes:
    """The same bytes each time: a file of a media type where that is one of a few, cut
    off where an operation takes no more of them."""
    name = media_type.partition(";")[0].strip().lower()
    match name:
        case "image/png":
            content = _png()
        case "image/gif":
            content = base64.b64decode(_GIF)
        case "image/svg+xml":
            content = _SVG
        case "audio/wav" | "audio/x-wav" | "audio/wave" | "audio/vnd.wave":
            content = _wav()
        case "application/pdf":
            content = _pdf()
        case "application/zip" | "application/x-zip-compressed":
            content = b"PK\x05\x06" + bytes(18)
        case _:
            content = _ANYTHING
    return content[:limit]


def _png() -> bytes:
    """One black pixel."""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0\0")),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data))
        + kind
        + data
        + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _wav() -> bytes:
    """A hundredth of a second of silence: one channel, 8 bits, 8000 samples a second."""
    samples = b"\x80" * 80
    form = struct.pack("<HHIIHH", 1, 1, 8000, 8000, 1, 8)
    chunks = b"".join(
        kind + struct.pack("<I", len(data)) + data
        for kind, data in ((b"fmt ", form), (b"data", samples))
    )
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks


def _pdf() -> bytes:
    """One empty page."""
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]/Resources<<>>>>",
    )
    content, offsets = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        offsets.append(len(content))
        content += b"%d 0 obj%s endobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return (
        content
        + b"xref\n0 4\n0000000000 65535 f \n"
        + table
        + b"trailer<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(content)
    )
