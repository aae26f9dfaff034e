"""An index of records, so that any is read without the others: made once, kept, and made again when files change."""

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path

import numpy as np

from kerascnn.data.checks import image_problem, reason
from kerascnn.data.sources.tfrecord import Span, read, spans
from kerascnn.files import changes, home, read_arrays, written_whole
from kerascnn.progress import track

VERSION = 1  # of the file


@dataclass(frozen=True)
class Layout:
    """Under which names a record holds what."""

    image: str  # the bytes of an image file
    label: str  # the number of its class, an integer
    names: tuple[str, ...] = ()  # what the class is called; the first that a record has counts


@dataclass(frozen=True, eq=False)
class Index:
    """What is known about the records of some files, in the order of the files and of the records in them.

    ``rows``, (N, 5) int64, hold the number of the file, of the record in it, the byte at which it begins, the bytes
    that it holds and their checksum.
    """

    rows: np.ndarray
    labels: np.ndarray  # (N,) int64, the numbers as they are noted; -1 where there is none
    problems: dict[int, str]  # why records cannot be used, by their places in rows
    names: dict[int, str]  # what labels are called, as far as records tell


def indexed(files: Sequence[Path], layout: Layout, progress: bool) -> Index:
    """The index of ``files``: the one that was kept, or one that is made now, by reading and decoding every record.

    It is kept beside the files, or where that is not allowed in the cache of the house. Raises ``ValueError`` when the
    records call one class by two names.
    """
    state = json.dumps([VERSION, vars(layout), [[file.name, *changes(file)] for file in files]])
    for place in places(files):
        if (kept := load(place, state)) is not None:
            return kept
    index = made(files, layout, progress)
    for place in places(files):
        with suppress(OSError):
            save(index, place, state)
            break
    return index


def places(files: Sequence[Path]) -> tuple[Path, Path]:
    """Where the index of some files may be kept: beside the first, or in the cache."""
    folder = files[0].absolute().parent
    near = hashlib.sha256("\n".join(file.name for file in files).encode()).hexdigest()[:16]
    far = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    return folder / f".kerascnn-{near}.npz", home() / "indexes" / far / f"{near}.npz"


def load(place: Path, state: str) -> Index | None:
    """An index that was kept, unless there is none, or it is of other files than now, or damaged, which a warning says.

    One that is damaged anywhere is not used.
    """
    try:
        kept = read_arrays(place)
        if str(kept["state"]) != state:
            return None
        notes = [
            {int(key): text for key, text in json.loads(str(kept[name])).items()} for name in ("problems", "names")
        ]
        return Index(kept["rows"], kept["labels"], *notes)
    except OSError:
        return None
    except (ValueError, KeyError) as error:
        warnings.warn(f"The index {place} is damaged ({error}); it is made again.", stacklevel=2)
        return None


def save(index: Index, place: Path, state: str) -> None:
    """Keep an index, whole or not at all."""
    problems, names = json.dumps(index.problems), json.dumps(index.names)
    with written_whole(place) as draft:
        np.savez(draft, state=state, rows=index.rows, labels=index.labels, problems=problems, names=names)


def made(files: Sequence[Path], layout: Layout, progress: bool) -> Index:
    """Every record of every file, found, read and decoded."""
    found = [list(spans(file)) for file in track(files, "finding records", shown=progress)]
    examine = examiner(layout)
    count = sum(map(len, found))
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # file by file, so that no million of tasks waits in memory
        results = chain.from_iterable(
            pool.map(examine, repeat(file), of) for file, of in zip(files, found, strict=True)
        )
        examined = list(track(results, "checking records", count, shown=progress))
    labels, names, problems = zip(*examined, strict=True) if count else ((), (), ())
    rows = [
        (number, place, span.offset, span.length, span.checksum)
        for number, of_file in enumerate(found)
        for place, span in enumerate(of_file)
    ]
    return Index(
        np.array(rows, np.int64).reshape(-1, 5),
        np.array(labels, np.int64),
        {place: problem for place, problem in enumerate(problems) if problem},
        names_by_label(zip(labels, names, strict=True)),
    )


def examiner(layout: Layout) -> Callable[[Path, Span], tuple[int, str, str]]:
    """A function from a file and a span to the label, the class's name and the problem of that record."""
    import tensorflow as tf

    wanted = {
        layout.image: tf.io.FixedLenFeature([], tf.string),
        layout.label: tf.io.FixedLenFeature([], tf.int64),
        **{name: tf.io.FixedLenFeature([], tf.string, "") for name in layout.names},
    }

    def examine(file: Path, span: Span) -> tuple[int, str, str]:
        if span.problem:
            return -1, "", span.problem
        try:
            contents = read(tf.constant(str(file)), tf.constant(span.offset, tf.int64))
            record = {name: value.numpy() for name, value in tf.io.parse_single_example(contents, wanted).items()}
        except tf.errors.DataLossError:
            return -1, "", "its checksum does not fit: the record is damaged"
        except tf.errors.OpError as error:
            return -1, "", reason(error)
        label = int(record[layout.label])
        name = next((text.decode(errors="replace") for name in layout.names if (text := record[name])), "")
        wrong = f"the label {label} is below 0" if label < 0 else ""
        return label, name, wrong or image_problem(record[layout.image]) or ""

    return examine


def names_by_label(pairs: Iterable[tuple[int, str]]) -> dict[int, str]:
    """What each label is called, of pairs with a name. Raises ``ValueError`` when that is not always the same."""
    found: dict[int, str] = {}
    for label, name in pairs:
        if name and found.setdefault(label, name) != name:
            raise ValueError(
                f"The label {label} is called {found[label]!r} in one record and {name!r} in another. "
                "Write them again with one label per class."
            )
    return found
