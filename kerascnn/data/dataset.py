"""What data sources give: images and their annotations, wherever they are stored."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from kerascnn.files import state

if TYPE_CHECKING:
    import tensorflow as tf


FRACTION = 0.25  # of the images, to validate on, unless another is asked for
STRIDE = 0x9E3779B97F4A7C15  # an odd number, so that no two orders of files have one state
IGNORE = 255  # in a mask, (H, W) uint8 or int32: what has no class, and what no pixel of the source covers


class Store(Protocol):
    """Where images are stored. A split has a row of an array for each image; a store knows what the row means."""

    def read(self, row: "tf.Tensor") -> "tf.Tensor":
        """The pixels of one image, (H, W, C) uint8, or the bytes of its file, () string; made for a graph."""
        ...

    def name(self, row: np.ndarray, place: int) -> str:
        """What to call the image in an error or a report."""
        ...

    def keys(self, rows: np.ndarray) -> Iterator[str]:
        """A name for every image that it keeps when the source is moved and when images are added."""
        ...

    def content(self, rows: np.ndarray) -> Iterator[bytes]:
        """What changes with the images, for a fingerprint; of files that are sealed, only what they are called."""
        ...

    def states(self, rows: np.ndarray) -> np.ndarray:
        """(N,) uint64 numbers that change when the file of a row is written again; 0 where it is gone."""
        ...


class InMemory:
    """A row is the image: pixels, (H, W, C) uint8."""

    def read(self, row: "tf.Tensor") -> "tf.Tensor":
        return row

    def name(self, row: np.ndarray, place: int) -> str:
        return f"image {place}"

    def keys(self, rows: np.ndarray) -> Iterator[str]:
        """The images' numbers."""
        yield from map(str, range(len(rows)))

    def content(self, rows: np.ndarray) -> Iterator[bytes]:
        yield f"{rows.shape}".encode()
        yield np.ascontiguousarray(rows).tobytes()

    def states(self, rows: np.ndarray) -> np.ndarray:
        return np.ones(len(rows), np.uint64)


@dataclass(frozen=True)
class InFiles:
    """A row is the path of an image file, () str, in the folder ``root`` of its source."""

    root: str = ""

    def read(self, row: "tf.Tensor") -> "tf.Tensor":
        import tensorflow as tf

        return tf.io.read_file(row)

    def name(self, row: np.ndarray, place: int) -> str:
        return str(row)

    def keys(self, rows: np.ndarray) -> Iterator[str]:
        """Paths within the source."""
        for path in map(str, rows):
            yield path.removeprefix(self.root).replace(os.sep, "/")

    def content(self, rows: np.ndarray) -> Iterator[bytes]:
        """Every file's class folder and name."""
        for path in map(Path, rows):
            yield os.fsencode(f"{path.parent.name}/{path.name}\n")

    def states(self, rows: np.ndarray) -> np.ndarray:
        return np.fromiter(map(state, rows.tolist()), np.uint64, len(rows))


IN_MEMORY = InMemory()


@dataclass(frozen=True, eq=False)
class Split:
    """Images and their annotations.

    Parameters
    ----------
    images
        A row for every image, (N, ...), which ``store`` reads; in memory, pixels, (N, H, W, C) uint8.
    annotations
        A row for every image, by name: ``"label"``, the number of its class, (N,) int32; or ``"mask"``, those of all
        its pixels, (N, H, W) uint8 in memory, with ``IGNORE`` where there is none; or of up to M objects ``"boxes"``,
        (N, M, 4) float32, x1, y1, x2, y2 in pixels from the corner of the image as it is shown, ``"classes"``, (N, M)
        int32, ``"area"`` in pixels, (N, M) float32, and (N, M) bool ``"crowd"``, for one box round many objects, and
        ``"valid"``, for what is there at all and no padding; and perhaps ``"masks"`` of these objects, which
        :class:`kerascnn.data.segments.Segments` stores. With any of them, ``"proposals"``, (N, M, 4) float32: boxes of
        the same kind that are to be looked at, and zeros behind the last.
    store
        Where the images are stored.
    stores
        Where annotations that are not in memory are stored, by name.
    seals
        (N, 2) uint64: the ``states`` of the images' files before they were examined, and for image files a number that
        changes with what they hold. None: nobody has looked at them.
    """

    images: np.ndarray
    annotations: Mapping[str, np.ndarray]
    store: Store = IN_MEMORY
    stores: Mapping[str, Store] = field(default_factory=dict)
    seals: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def tensors(self) -> "tuple[tf.Tensor, dict[str, tf.Tensor]]":
        """The rows of images and annotations as pipelines take them: one copy for all, which each would keep long."""
        import tensorflow as tf

        with tf.device("CPU:0"):
            return tf.constant(self.images), {name: tf.constant(rows) for name, rows in self.annotations.items()}

    def take(self, places: np.ndarray) -> "Split":
        """The images at ``places``, numbers or a Boolean mask."""
        annotations = {name: rows[places] for name, rows in self.annotations.items()}
        seals = None if self.seals is None else self.seals[places]
        return replace(self, images=self.images[places], annotations=annotations, seals=seals)

    def changed(self) -> list[str]:
        """What was written again, or is gone, since the source was opened: names of images."""
        if self.seals is None:
            return []
        files = [(store, self.annotations[name]) for name, store in self.stores.items() if isinstance(store, InFiles)]
        stores = [(self.store, self.images), *files]
        states = joined(np.stack([store.states(rows) for store, rows in stores], axis=1))
        return [self.name(place) for place in np.flatnonzero(states != self.seals[:, 0]).tolist()]

    def name(self, place: int) -> str:
        """What to call an image in an error or a report."""
        return self.store.name(self.images[place], place)

    def digest(self) -> bytes:
        """A hash of the images and their annotations, as far as their stores tell."""
        hashed = hashlib.sha256()
        for name, rows in sorted(self.annotations.items()):
            hashed.update(name.encode())
            for piece in self.stores.get(name, IN_MEMORY).content(rows):
                hashed.update(piece)
        for piece in self.store.content(self.images):
            hashed.update(piece)
        if self.seals is not None:
            hashed.update(np.ascontiguousarray(self.seals[:, 1], "<u8").tobytes())
        return hashed.digest()


def joined(states: np.ndarray) -> np.ndarray:
    """One state for every image that lies in several files, of (N, files) uint64; 0 where one of them is gone."""
    whole = np.zeros(len(states), np.uint64)
    for column in states.T:
        whole = whole * np.uint64(STRIDE) + column
    return np.where((states == 0).any(axis=1), np.uint64(0), whole)


def check_classes(parts: Mapping[str, Split], labels: tuple[str, ...]) -> None:
    """Refuse class numbers in memory that are no places in ``labels``, which would be learned as no class or another.

    Raises ``ValueError``.
    """
    for role, part in parts.items():
        for name in ("label", "mask", "classes"):
            if name not in part.annotations or name in part.stores:
                continue
            numbers = part.annotations[name]
            numbers = numbers[numbers != IGNORE] if name == "mask" else numbers
            numbers = numbers[part.annotations["valid"]] if name == "classes" else numbers
            whole = numbers.dtype.kind in "iu"
            least, most = (numbers.min(initial=0), numbers.max(initial=0)) if whole else (0, 0)
            if not whole or least < 0 or most >= len(labels):
                found = f"goes from {least} to {most}" if whole else f"is of {numbers.dtype}"
                raise ValueError(
                    f"The {name} of {role} images {found}; expected integers from 0 to {len(labels) - 1}, places among "
                    f"the {len(labels)} labels."
                )


@dataclass(frozen=True, eq=False, kw_only=True)
class Source:
    """A data set as it is stored, in one part or several.

    Parameters
    ----------
    parts
        By role: ``"train"``, ``"validation"`` and ``"test"``; or ``"all"``, where it is not split.
    labels, channels, things, skipped, note
        As in :class:`Data`; a part need not have images of every class.
    """

    parts: Mapping[str, Split]
    labels: tuple[str, ...]
    channels: int
    things: int | None = None
    skipped: tuple[str, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        check_classes(self.parts, self.labels)

    @property
    def found(self) -> str:
        """In one line, which parts there are: ``"1,200 train, 300 test images"``."""
        counts = [f"{len(part):,}{'' if role == 'all' else f' {role}'}" for role, part in self.parts.items()]
        return f"{', '.join(counts)} images"

    def whole(self) -> Split:
        """The images of all parts together."""
        parts = [*self.parts.values()]
        annotations = {
            name: np.concatenate([part.annotations[name] for part in parts]) for name in parts[0].annotations
        }
        seals = [part.seals for part in parts if part.seals is not None]
        return replace(
            parts[0],
            images=np.concatenate([part.images for part in parts]),
            annotations=annotations,
            seals=np.concatenate(seals) if len(seals) == len(parts) else None,
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Data:
    """A data set in its parts.

    Parameters
    ----------
    train
        What a network is trained on.
    validation
        What a training is measured and steered by.
    test
        What only a final evaluation looks at; None where the source has none.
    labels
        Class names; a label is a place in this tuple.
    channels
        Colour channels that the images have: 1 or 3. A preprocessing may ask for the other.
    things
        How many of the labels, the first, are things, which can be counted, where the others are stuff. None: the
        source does not tell the two apart.
    skipped
        Images left out because they cannot be read, by name.
    note
        How the source was understood, where it leaves a choice.
    found
        In one line, which parts the source has and how it was split.
    validation_fraction, seed
        How images to validate on were split off, where the source has none.
    """

    train: Split
    validation: Split
    test: Split | None = None
    labels: tuple[str, ...]
    channels: int
    things: int | None = None
    skipped: tuple[str, ...] = ()
    note: str = ""
    found: str = ""
    validation_fraction: float = FRACTION
    seed: int = 0

    def __post_init__(self) -> None:
        test = {"test": self.test} if self.test else {}
        check_classes({"train": self.train, "validation": self.validation, **test}, self.labels)

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change with the images, the classes or the way they are split."""
        parts = [part.digest() for part in (self.train, self.validation, self.test) if part is not None]
        named = "\n".join(self.labels) + ("" if self.things is None else f"\n{self.things}")
        return hashlib.sha256(b"".join([*parts, named.encode()])).hexdigest()[:16]
