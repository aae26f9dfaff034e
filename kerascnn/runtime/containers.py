"""Zip archives and HDF5 files that hold what they say, and no more than they can.

Some kilobytes can claim any number of gigabytes: by compression, by numbers that are written nowhere, or by the same
numbers under many names. And an HDF5 file can point into others, whose bytes then pass for weights. Both are refused
before anything is read.
"""

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import IO, Any

ROOM = 1 << 28  # bytes that a file of any size may unpack to
RATIO = 20  # else so many times its own: weights hardly shrink, those of a network pruned to a twentieth do so by ten


class Unsound(ValueError):
    """What is wrong with a container, said of "it"."""


def room_of(size: int) -> int:
    """How many bytes of memory a sound file of ``size`` bytes fills at most."""
    return max(ROOM, RATIO * size)


def need_room(claimed: int, size: int) -> None:
    """Refuse a file of ``size`` bytes that would fill ``claimed`` bytes of memory, when no sound file does so."""
    if claimed > room_of(size):
        raise Unsound(
            f"it has {size:,} bytes and claims to hold {claimed:,}, as files do that are made to fill memory. If it is "
            f"sound, write it again without compression"
        )


@contextmanager
def archive(file: str | os.PathLike | IO[bytes]) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive to read, once it is sure that its members have room."""
    with zipfile.ZipFile(file) as opened:
        stream: Any = opened.fp
        need_room(sum(member.file_size for member in opened.infolist()), stream.seek(0, os.SEEK_END))
        yield opened


def need_whole(opened: zipfile.ZipFile) -> None:
    """Read every member of an archive and compare its checksum: who reads a part of one does not."""
    if damaged := opened.testzip():
        raise Unsound(f"the checksum of its {damaged} does not fit")


def need_plain(file: Any, size: int) -> None:
    """Refuse an ``h5py.File`` of ``size`` bytes unless it is a tree of groups with all their arrays in this file."""
    import h5py

    left, seen, claimed = [("", file)], {file["/"]}, 0
    while left:
        place, group = left.pop()
        for name in group:
            path, link = f"{place}/{name}", group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise Unsound(f"{path} is no part of it but a link, to {' in '.join(targets(link))}")
            item = group[name]
            if isinstance(item, h5py.Dataset):
                if item.external or item.is_virtual:
                    raise Unsound(f"{path} lies in another file. Write all weights into one")
                claimed += prod(item.shape or ()) * item.dtype.itemsize
            elif isinstance(item, h5py.Group):
                if item in seen:  # under whichever name
                    raise Unsound(f"{path} is a group that stands elsewhere in it too, so that it may never end")
                seen.add(item)
                left.append((path, item))
    need_room(claimed, size)


def targets(link: Any) -> list[str]:
    """What a soft or external link leads to: a path, and the file that has it."""
    return [link.path, *([link.filename] if hasattr(link, "filename") else [])]
