"""TFRecord files: where each record is, and one record without the others.

A record is its length in 8 bytes and their checksum in 4, then that many bytes and their checksum in 4; see
https://www.tensorflow.org/tutorials/load_data/tfrecord. The checksum is a CRC-32C that is rotated and has a number
added, because a CRC of bytes that hold their own CRC is blind.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf

HEADER, FOOTER = 12, 4  # bytes before and after what a record holds
GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Span:
    """Where a record is in its file."""

    offset: int  # the byte of the file at which its header begins
    length: int = 0  # bytes that it holds, without header and footer
    checksum: int = 0  # of what it holds, as noted in its footer
    problem: str = ""  # why neither this record nor what comes after it can be found; empty where nothing is wrong


def spans(path: Path) -> Iterator[Span]:
    """Every record of a file, found by the lengths alone; the last one has a problem when the chain breaks off.

    Raises ``ValueError`` when the file is compressed: no record within can be reached without all that come before it.
    """
    with open(path, "rb", buffering=0) as file:
        size, offset = os.fstat(file.fileno()).st_size, 0
        while offset < size:
            file.seek(offset)
            header = file.read(HEADER)
            if offset == 0 and header.startswith(GZIP):
                raise ValueError(f"{path} is compressed, so its records cannot be read one by one. Unpack it: gunzip.")
            if len(header) == HEADER and masked_crc32c(header[:8]) != int.from_bytes(header[8:], "little"):
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
