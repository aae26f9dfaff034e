"""TFRecord shards of images, as ImageNet and TensorFlow Datasets are kept: any record is read without the others."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from google.protobuf.message import DecodeError  # TensorFlow's own; it reads the records

from kerascnn.data.checks import listed, refuse
from kerascnn.data.dataset import Source, Split
from kerascnn.data.sources.folder import visible
from kerascnn.data.sources.index import Index, Layout, indexed, names_by_label
from kerascnn.data.sources.tfrecord import read, spans, unpacked
from kerascnn.data.splitting import ALL, ROLES, Opening, role_of
from kerascnn.files import state

if TYPE_CHECKING:
    import tensorflow as tf

SHARD = re.compile(r"(?P<stem>.*?)-?(?P<number>\d{5})-of-(?P<count>\d{5})")
LAYOUTS = (
    Layout("image/encoded", "image/class/label", ("image/class/synset", "image/class/text")),  # ImageNet's
    Layout("image", "label"),  # of TensorFlow Datasets
    Layout("image", "class"),  # of Kaggle's competitions
    Layout("image", "target"),
)
EXPECTED = (
    "Expected TFRecord files such as train-00000-of-01024 and validation-00000-of-00128, whose records hold "
    + " or ".join(f"{layout.image} and {layout.label}" for layout in LAYOUTS)
    + "."
)


@dataclass(frozen=True, eq=False)
class InRecords:
    """A row is that of an ``Index`` over ``files``; the feature ``image`` of a record holds an image file."""

    files: tuple[str, ...]
    image: str

    def read(self, row: "tf.Tensor") -> "tf.Tensor":
        import tensorflow as tf

        record = read(tf.gather(tf.constant(self.files), row[0]), row[2])
        return tf.io.parse_single_example(record, {self.image: tf.io.FixedLenFeature([], tf.string)})[self.image]

    def name(self, row: np.ndarray, place: int) -> str:
        return f"{self.files[row[0]]}, record {row[1]} at byte {row[2]}"

    def keys(self, rows: np.ndarray) -> Iterator[str]:
        """Lengths and checksums, which stay when records are dealt to other files."""
        yield from (f"{length}:{checksum}" for length, checksum in rows[:, 3:].tolist())

    def content(self, rows: np.ndarray) -> Iterator[bytes]:
        """Lengths and checksums."""
        yield np.ascontiguousarray(rows[:, 3:], "<i8").tobytes()

    def states(self, rows: np.ndarray) -> np.ndarray:
        return np.array([*map(state, self.files)], np.uint64)[rows[:, 0]]


def shards_in(root: Path) -> list[Path]:
    """The TFRecord files of a folder, or of its sub-folders train/, validation/ and the like, in order of names."""
    folders = [root, *(path for path in visible(root) if path.is_dir() and role_of(path.name))]
    return [file for folder in folders for file in visible(folder) if is_shard(file)]


def is_shard(file: Path) -> bool:
    """Whether a file is called as TFRecord files are."""
    name = bare(file)
    of_records = SHARD.fullmatch(name) or Path(name).suffix in (".tfrecord", ".tfrecords", ".tfrec")
    return bool(of_records) and file.is_file()


def bare(file: Path) -> str:
    """A file's name without what tells that it is compressed."""
    return file.name.removesuffix(".gz")


def from_folder_of_records(root: Path, opening: Opening) -> Source:
    """The data set whose shards are in a folder, which must have all of them."""
    files = shards_in(root)
    check_complete(files, root)
    return from_records(by_part(files, root), root, opening)


def from_pattern(pattern: str, opening: Opening) -> Source:
    """The data set of the TFRecord files that match a pattern such as ``"imagenet/train-0000*"``."""
    files = [path for path in map(Path, sorted(glob(pattern))) if path.is_file()]
    if not files:
        raise FileNotFoundError(f"No file matches {pattern!r}. {EXPECTED}")
    return from_records(by_part(files, pattern), pattern, opening)


def check_complete(files: Sequence[Path], where: object) -> None:
    """Refuse a set of shards that says of how many it is and lacks some."""
    have = {
        (file.parent, *found.group("stem", "number", "count"))
        for file in files
        if (found := SHARD.fullmatch(bare(file)))
    }
    missing = [
        f"{stem}{'-' * bool(stem)}{number:05}-of-{count}"
        for folder, stem, count in sorted({(folder, stem, count) for folder, stem, _, count in have})
        for number in range(int(count))
        if (folder, stem, f"{number:05}", count) not in have
    ]
    if missing:
        raise FileNotFoundError(
            f"{len(missing)} shards of {where} are missing:\n{listed(missing)}\n"
            f'Fetch them, or name those that are to be used by a pattern such as "{where}/train-0000*".'
        )


def by_part(files: Sequence[Path], where: object) -> dict[str, list[Path]]:
    """The files of every part, which the last word of a file's or its folder's name that is the name of a part tells.

    All belong to one part when none has such a word.
    """
    parts: dict[str, list[Path]] = {}
    for file in files:
        words = [*re.findall("[a-z]+", file.parent.name.lower())[-1:], *re.findall("[a-z]+", file.name.lower())]
        parts.setdefault(next(filter(None, map(role_of, reversed(words))), ALL), []).append(file)
    if ALL in parts and len(parts) > 1:
        names = listed([file.name for file in parts[ALL]])
        raise ValueError(
            f"Of these files of {where} the name does not say of which part they are:\n{names}\n{EXPECTED}"
        )
    return {role: parts[role] for role in (*ROLES, ALL) if role in parts}


def from_records(
    parts: dict[str, list[Path]], where: object, opening: Opening, layouts: Sequence[Layout] = LAYOUTS
) -> Source:
    """The data set of the TFRecord files of every part.

    Classes are the numbers that occur, in their order, unless a file of TensorFlow Datasets beside the records lists
    them; so numbers from 1, with 0 for the background, and numbers from 0 are both at home. Raises ``ValueError`` when
    the records are of no layout that is known, some are damaged, or one class has two names.
    """
    folder = next(iter(parts.values()))[0].parent
    parts = {role: [*map(unpacked, of_part)] for role, of_part in parts.items()}
    files = [file for of_part in parts.values() for file in of_part]
    states = np.array([*map(state, files)], np.uint64)
    layout = layout_of(files, layouts, where)
    indexes = {role: indexed(of_part, layout, opening.progress) for role, of_part in parts.items()}
    names = declared(folder, layout)
    splits, skipped, first = {}, {}, 0
    for role, index in indexes.items():
        rows = np.add(index.rows, [first, 0, 0, 0, 0])  # among the files of all parts
        seals = np.stack([states[rows[:, 0]], np.zeros(len(rows), np.uint64)], axis=1)
        whole = Split(rows, {"label": index.labels}, InRecords(tuple(map(str, files)), layout.image), seals=seals)
        problems = index.problems | beyond(index.labels, len(names))
        splits[role] = whole.take(np.delete(np.arange(len(whole)), [*problems]))
        skipped |= {whole.name(place): problems[place] for place in sorted(problems)}
        first += len(parts[role])
    refuse(skipped, "record", where, opening)
    occurring = sorted({label for split in splits.values() for label in split.annotations["label"].tolist()})
    numbers = list(range(len(names))) or occurring
    named = dict(enumerate(names)) or names_of(occurring, list(indexes.values()))
    labels = tuple(named[number] for number in numbers)
    least, most = min(numbers, default=0), max(numbers, default=0)
    return Source(
        parts={role: with_classes(split, numbers) for role, split in splits.items()},
        labels=labels,
        channels=3,
        skipped=tuple(skipped),
        note=f"{len(labels)} labels from {least} to {most}, as classes 0 to {len(labels) - 1}",
    )


def with_classes(split: Split, numbers: list[int]) -> Split:
    """A split whose labels are places in ``numbers``, which is sorted."""
    return replace(split, annotations={"label": np.searchsorted(numbers, split.annotations["label"]).astype(np.int32)})


def layout_of(files: Sequence[Path], layouts: Sequence[Layout], where: object) -> Layout:
    """The layout of the first record that can be read."""
    features = next((found for file in files for found in features_in(file)), None)
    if features is None:
        raise ValueError(f"{where} has no record that can be read. {EXPECTED}")
    for layout in layouts:
        if {layout.image, layout.label} <= features:
            return layout
    raise ValueError(f"The records of {where} hold {', '.join(sorted(features)) or 'nothing'}. {EXPECTED}")


def features_in(file: Path) -> Iterator[set[str]]:
    """The names of what each record of a file holds, where it can be read."""
    import tensorflow as tf

    for span in spans(file):
        with suppress(tf.errors.DataLossError, DecodeError):
            if not span.problem:
                record = read(tf.constant(str(file)), tf.constant(span.offset, tf.int64))
                yield set(tf.train.Example.FromString(record.numpy()).features.feature)


def declared(folder: Path, layout: Layout) -> list[str]:
    """The names of all classes, where TensorFlow Datasets has left them beside its records."""
    file = folder / f"{layout.label.replace('/', '-')}.labels.txt"
    try:
        return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not UTF-8 text: {error}. Save it as UTF-8.") from error


def beyond(labels: np.ndarray, classes: int) -> dict[int, str]:
    """What is wrong with labels that are too large, by their places; ``classes`` is 0 where it is not known."""
    places = np.flatnonzero(labels >= classes).tolist() if classes else []
    return {place: f"the label {labels[place]} is out of range, of 0 to {classes - 1}" for place in places}


def names_of(labels: Iterable[int], indexes: Sequence[Index]) -> dict[int, str]:
    """What the class of every label is called: as records say, else by its number.

    Classes that share their name, as ImageNet's two "crane", have the number behind it.
    """
    found = names_by_label(pair for index in indexes for pair in index.names.items())
    names = {label: found.get(label, str(label)) for label in labels}
    often = Counter(names.values())
    return {label: f"{name} ({label})" if often[name] > 1 else name for label, name in names.items()}
