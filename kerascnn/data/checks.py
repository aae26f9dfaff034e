"""Images that cannot be read are met at the start and not hours into a training: found, named, counted."""

import hashlib
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import numpy as np

from kerascnn.data.splitting import Opening
from kerascnn.files import changes, home, written_whole

Item = TypeVar("Item")
MOST = 20  # lines that an error has room for


def image_flaw(contents: bytes) -> str | None:
    """Why an image file cannot be decoded as training decodes it, or None when it can."""
    import tensorflow as tf

    from kerascnn.data.images import decode

    if has_colour_table(contents):
        return "A BMP file whose colours are numbers of a table is not supported. Save it as PNG"
    try:
        decode(contents)
    except tf.errors.OpError as error:
        return reason(error)
    return None


def has_colour_table(contents: bytes) -> bool:
    """Whether an image is a BMP file of up to 256 colours, or of compressed greys: TensorFlow would show other ones."""
    if contents[:2] != b"BM" or len(contents) < 54 or int.from_bytes(contents[28:30], "little") > 8:
        return False
    compression, colours = (int.from_bytes(contents[at : at + 4], "little") for at in (30, 46))
    start = 14 + int.from_bytes(contents[14:18], "little")
    table = np.frombuffer(contents[start : start + 4 * (colours or 256)], np.uint8)
    greys = np.repeat(np.arange(256, dtype=np.uint8), 4).reshape(256, 4)
    return compression != 0 or table.size != 1024 or not np.array_equal(table.reshape(256, 4)[:, :3], greys[:, :3])


def reason(error: Exception) -> str:
    """The beginning of what TensorFlow or the system says, without where in the graph or on which path."""
    said = getattr(error, "strerror", None) or getattr(error, "message", None) or str(error)
    return (re.sub(r"\{\{.*?\}\}\s*|\s*\[Op:.*", "", said).splitlines() or ["unreadable"])[0][:200]


def file_flaw(path: Path) -> str | None:
    """Why an image file cannot be read or decoded, or None when it can."""
    try:
        return image_flaw(path.read_bytes())
    except OSError as error:
        return reason(error)


def file_flaws(files: Sequence[Path], how: Opening) -> dict[Path, str]:
    """The files that cannot be decoded, and why; those that were found sound before, and are as they were, are."""
    passed = Passed(files)
    doubtful = [path for path in files if passed.mark(path) not in passed.marks]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        reasons = pool.map(file_flaw, doubtful)
        watched = shown(reasons, len(doubtful), "checking images") if how.progress else reasons
        flaws = {path: flaw for path, flaw in zip(doubtful, watched, strict=True) if flaw is not None}
    if doubtful:
        passed.keep([path for path in files if path not in flaws])
    return flaws


class Passed:
    """What is remembered of files that were decoded without a flaw, so that a large folder is decoded once only.

    A file is known by a mark, 56 bits of a hash of its path, its size and the time it was written.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        folder = os.path.commonpath([path.absolute().parent for path in files]) if files else ""
        self.place = home() / "checked" / f"{hashlib.sha256(folder.encode()).hexdigest()[:16]}.npy"
        try:
            self.marks = set(np.load(self.place, allow_pickle=False).tolist())
        except (OSError, ValueError, EOFError):  # none yet, or damaged
            self.marks = set()

    def mark(self, path: Path) -> int:
        try:
            told = f"{path.absolute()}:{changes(path)}"
        except OSError:  # a link that leads nowhere: what is wrong with it is said when it is read
            return -1
        return int.from_bytes(hashlib.sha256(told.encode()).digest()[:7])

    def keep(self, sound: Sequence[Path]) -> None:
        """Remember these alone."""
        marks = np.array(sorted(mark for path in sound if (mark := self.mark(path)) >= 0), np.int64)
        with suppress(OSError), written_whole(self.place) as draft:  # without it, they are only decoded again
            np.save(draft, marks)


def refuse(flaws: Mapping[str, str], kind: str, where: object, how: Opening) -> None:
    """Raise one error about all flawed things of a ``kind``, unless they are to be skipped."""
    if flaws and how.on_corrupt == "refuse":
        raise ValueError(
            f"{len(flaws)} {kind}{'s' * (len(flaws) > 1)} of {where} cannot be read:\n"
            f"{listed([f'{name}: {flaw}' for name, flaw in flaws.items()])}\n"
            'Repair or remove them, or leave them out with on_corrupt="skip".'
        )


def listed(lines: Sequence[str]) -> str:
    """The first lines of many, and how many more there are."""
    more = [f"and {len(lines) - MOST} more"] if len(lines) > MOST else []
    return "\n".join(f"  {line}" for line in [*lines[:MOST], *more])


def shown(items: Iterable[Item], total: int, what: str, patience: float = 2.0) -> Iterator[Item]:
    """Pass items on; on a terminal, a bar appears when they have taken longer than ``patience`` seconds."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    bar = Progress(console=console, transient=True, disable=not console.is_terminal)
    task, begun = bar.add_task(what, total=total), time.monotonic()
    try:
        for item in items:
            yield item
            bar.advance(task)
            if not bar.live.is_started and time.monotonic() - begun > patience:
                bar.start()
    finally:
        bar.stop()
