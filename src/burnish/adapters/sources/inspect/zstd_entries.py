"""Entries of a zip that are compressed with Zstandard: newer Inspect writes them, zipfile cannot read them."""

import struct
import sys
import zlib
from pathlib import Path
from zipfile import ZipInfo

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["read_zstd_entry"]

_WINDOW_LOG = 27  # 128 MiB, what zstd itself takes without being asked
_LOCAL_HEADER = struct.Struct("<4s22xHH")  # signature, …, length of the name, length of the extra field


def read_zstd_entry(path: Path, entry: ZipInfo, max_bytes: int) -> bytes:
    """The content of `entry`; it may consist of several frames.

    Raises ValueError where it is broken, or larger than `max_bytes` packed or unpacked, OSError where the file cannot
    be read.
    """
    if entry.compress_size > max_bytes:
        raise ValueError(f"{entry.compress_size:,} bytes packed, at most {max_bytes:,} are read")
    with path.open("rb") as file:
        file.seek(entry.header_offset)
        header = file.read(_LOCAL_HEADER.size)
        if len(header) < _LOCAL_HEADER.size or not header.startswith(b"PK\x03\x04"):
            raise ValueError("the archive is broken here: no local header")
        _, name, extra = _LOCAL_HEADER.unpack(header)
        file.seek(name + extra, 1)
        packed = file.read(entry.compress_size)
    content = _unpacked(packed, max_bytes)
    if zlib.crc32(content) != entry.CRC:
        raise ValueError("its checksum is wrong")
    return content


def _unpacked(packed: bytes, max_bytes: int) -> bytes:
    pieces: list[bytes] = []
    left = max_bytes
    try:
        while packed:
            frame = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG})
            piece = frame.decompress(packed, left + 1)
            if len(piece) > left:
                raise ValueError(f"more than the {max_bytes:,} bytes that are read unpacked")
            if not frame.eof:
                raise ValueError("it ends in the middle")
            pieces.append(piece)
            left -= len(piece)
            packed = frame.unused_data
    except zstd.ZstdError as error:
        raise ValueError(f"no Zstandard data: {error}") from error
    return b"".join(pieces)
