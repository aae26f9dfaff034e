"""Images that cannot be read are met at the start and not hours into a training: found, named, counted."""

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np

from kerascnn.data.dataset import Split, joined
from kerascnn.data.headers import PNG, pixels
from kerascnn.data.splitting import Opening
from kerascnn.files import clear_drafts, content, home, is_special, read_arrays, state, written_whole
from kerascnn.progress import track

MARK, WORD = 2**56 - 1, 2**64 - 1
NOTES = "4"  # what notes say; those of another number are forgotten
OTHERS = 2**20  # files of a folder that are remembered beside those being opened: other tables may name them
ROOM = 2**28  # bytes of all that is remembered, of which a file takes 16
PIXELS = 178_956_970  # of an image: half a gigabyte of colours
MOST = 20  # lines that an error has room for


def image_problem(contents: bytes) -> str | None:
    """Why an image file cannot be decoded as training decodes it, or None when it can."""
    import tensorflow as tf

    from kerascnn.data.images import decode

    if problem := header_problem(contents):
        return problem
    try:
        decode(contents)
    except tf.errors.OpError as error:
        return reason(error)
    return None


def header_problem(contents: bytes) -> str | None:
    """Why an image file is not decoded, as far as its first bytes tell; or None."""
    if has_colour_table(contents):
        return "A BMP file whose colours are numbers of a table is not supported. Save it as PNG"
    width, height = pixels(contents)
    if width * height > (most := most_pixels()):
        return (
            f"It has {width:,} x {height:,} pixels, and would fill memory: up to {most:,} are read. Make it smaller, "
            f"or set KERASCNN_MAX_PIXELS"
        )
    return None


def most_pixels() -> int:
    """Pixels that one image may have: ``KERASCNN_MAX_PIXELS``, or as many as Pillow reads.

    Raises ``ValueError`` when that variable holds no number.
    """
    stated = os.environ.get("KERASCNN_MAX_PIXELS") or str(PIXELS)
    if not stated.isdecimal():
        raise ValueError(f"KERASCNN_MAX_PIXELS is {stated!r}; it is the pixels that one image may have, {PIXELS:,}.")
    return int(stated)


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
    message = getattr(error, "strerror", None) or getattr(error, "message", None) or str(error)
    return (re.sub(r"\{\{.*?\}\}\s*|\s*\[Op:.*", "", message).splitlines() or ["unreadable"])[0][:200]


def file_problem(path: Path) -> str | None:
    """Why an image file cannot be read or decoded, or None when it can."""
    if is_special(path):
        return "it is a pipe or a device, not a file"
    try:
        return image_problem(path.read_bytes())
    except OSError as error:
        return reason(error)


def checked_files(files: Sequence[Path], opening: Opening) -> tuple[dict[Path, str], dict[Path, np.ndarray], str]:
    """The files that cannot be decoded, and why; the seals of all; and what is to be known of the others, in a line."""
    found, seals = examined(
        [(path,) for path in files], lambda path: file_problem(path) or bits_used(path), opening, "checking images"
    )
    problems = {path: result for path, result in zip(files, found, strict=True) if isinstance(result, str)}
    known = of_few_bits([result for result in found if isinstance(result, int) and result])
    return problems, dict(zip(files, seals, strict=True)), known


def bits_used(path: Path) -> int:
    """The bits of the largest number in a PNG file of 16 bits; 0 for any other file."""
    import tensorflow as tf

    with open(path, "rb") as file:
        if not (file.read(8) == PNG and file.read(17)[-1:] == b"\x10"):
            return 0
    numbers = tf.io.decode_png(path.read_bytes(), channels=3, dtype=tf.uint16)
    return max(1, int(tf.reduce_max(tf.cast(numbers, tf.int32))).bit_length())


def of_few_bits(bits: Sequence[int]) -> str:
    """A line about images of 16 bits that have next to nothing in the upper eight, which are what is seen."""
    if not bits or (most := max(bits)) > 14:
        return ""
    seen = (2**most - 1) >> 8
    return (
        f"{len(bits):,} images have 16 bits and use the lowest {most} of them, which are seen as 0 to {seen} of 255; "
        f"set Input(bits={max(8, most)}), or as many bits as the camera has"
    )


def examined(
    items: Sequence[tuple[Path, ...]], examine: Callable[..., str | int], opening: Opening, title: str
) -> tuple[list[str | int], np.ndarray]:
    """What ``examine`` finds of the files of each item: why they cannot be used, or a number of 0 or more; and seals.

    These, (N, 2) uint64, are the states of the files, and a number that changes with what they hold. All is remembered
    as long as the files are as they are, so that a large folder is read once only.
    """
    states = np.array([[*map(state, files)] for files in items], np.uint64).reshape(
        len(items), len(items[0]) if items else 1
    )
    passed = Passed(items)
    marks = [passed.mark(files, of_files) for files, of_files in zip(items, states.tolist(), strict=True)]
    doubtful = [files for files, mark in zip(items, marks, strict=True) if mark not in passed.known]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda files: (examine(*files), contents(files)), doubtful)
        new = iter(list(track(results, title, len(doubtful), shown=opening.progress)))
    found = [passed.known[mark] if mark in passed.known else next(new) for mark in marks]
    if doubtful:
        sound = [(mark, note, held) for mark, (note, held) in zip(marks, found, strict=True) if mark]
        passed.keep({mark: (note, held) for mark, note, held in sound if isinstance(note, int)})
    held = np.array([held for _, held in found], np.uint64)
    return [note for note, _ in found], np.stack([joined(states), held], axis=1)


def contents(files: Sequence[Path]) -> int:
    """A number of 64 bits that changes with what files hold; 0 where one cannot be read."""
    if any(map(is_special, files)):
        return 0
    try:
        held = [content(path) for path in files]
    except OSError:
        return 0
    return int(joined(np.array([held], np.uint64))[0])


class Passed:
    """What is remembered of files that were decoded and found sound: of each a note, a number, and what they hold.

    Files are known by a mark, 56 bits of a hash of their paths, sizes and times of writing. Beside it is room for a
    note up to 255; larger ones, of any length, take words of 64 bits more.
    """

    def __init__(self, items: Sequence[tuple[Path, ...]]) -> None:
        parents = {path.absolute().parent for files in items for path in files}
        folder = os.path.commonpath(parents) if parents else ""
        self.place = home() / "checked" / f"{hashlib.sha256(folder.encode()).hexdigest()[:16]}.npz"
        with suppress(OSError):
            os.utime(self.place)  # whoever makes room takes first what was not opened for longest
        self.known = self.read()

    def read(self) -> dict[int, tuple[int, int]]:
        """Notes and contents by mark, the oldest first."""
        try:
            kept = read_arrays(self.place)["kept"]
        except (OSError, ValueError, KeyError):  # none yet, or damaged
            return {}
        if kept.dtype != np.uint64 or kept.ndim != 2 or kept.shape[1] < 2:
            return {}
        return {
            first & MARK: (sum(word << 64 * place + 8 for place, word in enumerate(more)) | first >> 56, held)
            for first, held, *more in kept.tolist()
            if first & MARK
        }

    def mark(self, files: Iterable[Path], states: Sequence[int]) -> int:
        """0 for a file that is not there: what is wrong with it is reported when it is read."""
        if 0 in states:
            return 0
        names = [f"{path.absolute()}:{of_file}" for path, of_file in zip(files, states, strict=True)]
        return int.from_bytes(hashlib.sha256(os.fsencode("\n".join([NOTES, *names]))).digest()[:7])

    def keep(self, known: Mapping[int, tuple[int, int]]) -> None:
        """Remember these, and of what else is remembered by now the latest."""
        others = [(mark, found) for mark, found in self.read().items() if mark not in known]
        kept = [*others[-OTHERS:], *known.items()]
        words = -(-max((note.bit_length() - 8 for _, (note, _) in kept), default=0) // 64)
        numbers = [
            ((note & 255) << 56 | mark, held, *(note >> 64 * place + 8 & WORD for place in range(words)))
            for mark, (note, held) in kept
        ]
        with suppress(OSError):  # without it, they are only decoded again
            with written_whole(self.place) as draft:
                np.savez(draft, kept=np.array(numbers, np.uint64).reshape(len(kept), 2 + words))
            clear_drafts(self.place.parent)
            self.make_room()

    def make_room(self) -> None:
        """Forget the folders that were not opened for longest, until what is remembered takes no more than ``ROOM``."""
        sizes = {path: path.stat() for path in self.place.parent.glob("*.npz")}
        left = ROOM
        for path in sorted(sizes, key=lambda path: sizes[path].st_mtime_ns, reverse=True):
            left -= sizes[path].st_size
            if left < 0 and path != self.place:
                path.unlink()


def refuse(problems: Mapping[str, str], kind: str, where: object, opening: Opening) -> None:
    """Raise one error about everything of a ``kind`` that cannot be used, unless it is to be skipped."""
    if problems and opening.on_corrupt == "refuse":
        raise ValueError(
            f"{len(problems)} {kind}{'s' * (len(problems) > 1)} of {where} cannot be read:\n"
            f"{listed([f'{name}: {problem}' for name, problem in problems.items()])}\n"
            'Repair or remove them, or leave them out with on_corrupt="skip".'
        )


def refuse_changed(*parts: Split) -> None:
    """Raise one error about all images of some parts whose files are not as they were when the source was opened."""
    changed = [name for part in parts for name in part.changed()]
    if changed:
        raise ValueError(
            f"{len(changed)} images were written again, or are gone, since the data was opened:\n{listed(changed)}\n"
            "Put them back as they were, or open the data again and start anew."
        )


def listed(lines: Sequence[str]) -> str:
    """The first lines of many, and how many more there are."""
    more = [f"and {len(lines) - MOST} more"] if len(lines) > MOST else []
    return "\n".join(f"  {line:.1000}" for line in [*lines[:MOST], *more])


def listed_short(values: Sequence[object]) -> str:
    """The first of many values, in a line."""
    return ", ".join(map(str, values[:10])) + ", ..." * (len(values) > 10)


def counted(counts: Mapping[str, int]) -> str:
    """What there is, each with its number, in a line."""
    return ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
