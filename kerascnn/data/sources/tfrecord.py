"""TFRecord files: where each record is, and one record without the others.

A record is its length in 8 bytes and their checksum in 4, then that many bytes and their checksum in 4; see
https://www.tensorflow.org/tutorials/load_data/tfrecord. The checksum is a CRC-32C that is rotated and has a number
added, because a CRC of bytes that hold their own CRC is blind.
"""

import gzip
import hashlib
import os
import shutil
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kerascnn.files import changes, home, written_whole

if TYPE_CHECKING:
    import tensorflow as tf

HEADER, FOOTER = 12, 4  # bytes before and after what a record holds
GZIP = b"\x1f\x8b\x08"


@dataclass(frozen=True)
class Span:
    """Where a record is in its file."""

    offset: int  # the byte of the file at which its header begins
    length: int = 0  # bytes that it holds, without header and footer
    checksum: int = 0  # of what it holds, as noted in its footer
    problem: str = ""  # why neither this record nor what comes after it can be found; empty where nothing is wrong


def spans(path: Path) -> Iterator[Span]:
    """Every record of a file, found by the lengths alone; the last one has a problem when the chain breaks off."""
    with open(path, "rb", buffering=0) as file:
        size, offset = os.fstat(file.fileno()).st_size, 0
        while offset < size:
            file.seek(offset)
            header = file.read(HEADER)
            if len(header) == HEADER and not is_header(header):
                what = "the length of the record is damaged" if offset else "this is no TFRecord file, or damaged"
                yield Span(offset, problem=f"{what}; the {size - offset} bytes from there on cannot be read")
                return
            end = offset + HEADER + int.from_bytes(header[:8], "little") + FOOTER
            if len(header) < HEADER or end > size:
                yield Span(offset, problem="the file ends within the record")
                return
            file.seek(end - FOOTER)
            yield Span(offset, end - FOOTER - HEADER - offset, *struct.unpack("<I", file.read(FOOTER)))
            offset = end


def is_header(header: bytes) -> bool:
    """Whether 12 bytes are a length and its checksum."""
    return len(header) == HEADER and masked_crc32c(header[:8]) == int.from_bytes(header[8:], "little")


def unpacked(path: Path) -> Path:
    """The file itself, or one in the cache that holds what is compressed in it.

    No record of a compressed file can be reached without all that come before it. Raises ``ValueError`` when the file
    is damaged.
    """
    with open(path, "rb") as file:
        header = file.read(HEADER)
    if not header.startswith(GZIP) or is_header(header):
        return path
    folder = home() / "unpacked" / hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:16]
    plain = folder / f"{'-'.join(map(str, changes(path)))}-{path.name.removesuffix('.gz')}"
    if not plain.exists():
        shutil.rmtree(folder, ignore_errors=True)  # what the file held before it was written again
        try:
            with gzip.open(path) as packed, written_whole(plain) as draft, open(draft, "wb") as file:
                shutil.copyfileobj(packed, file, 2**20)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{path} is compressed and damaged: {error}. Fetch it again.") from error
    return plain


def masked_crc32c(content: bytes) -> int:
    """The checksum of a few bytes; TensorFlow computes that of what a record holds."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82F63B78 * (crc & 1)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def read(path: "tf.Tensor", offset: "tf.Tensor") -> "tf.Tensor":
    """What the record whose header begins at byte ``offset`` holds, () string; made for a graph.

    Raises ``tf.errors.DataLossError`` when it runs and a checksum does not fit.
    """
    import tensorflow as tf

    records = tf.raw_ops.TFRecordDatasetV2(
        filenames=path[None], compression_type="", buffer_size=tf.constant(0, tf.int64), byte_offsets=offset[None]
    )
    one = dict(output_types=[tf.string], output_shapes=[[]])
    first = tf.raw_ops.TakeDataset(input_dataset=records, count=tf.constant(1, tf.int64), **one)
    return tf.raw_ops.DatasetToSingleElement(dataset=first, **one)[0]
