"""What the data room gives: images and what they show, wherever the images lie."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf


class Store(Protocol):
    """Where images lie. A split has a row of an array for each; a store knows what the row means."""

    def read(self, row: "tf.Tensor") -> "tf.Tensor":
        """The pixels of one image, (H, W, C) uint8, or the bytes of its file, () string; made for a graph."""
        ...

    def name(self, row: np.ndarray, place: int) -> str:
        """What to call the image in an error or a report."""
        ...

    def content(self, rows: np.ndarray) -> Iterator[bytes]:
        """What changes with the images, for a fingerprint, without reading all that lies on a disk."""
        ...


class InMemory:
    """A row is the image: pixels, (H, W, C) uint8."""

    def read(self, row: "tf.Tensor") -> "tf.Tensor":
        return row

    def name(self, row: np.ndarray, place: int) -> str:
        return f"image {place}"

    def content(self, rows: np.ndarray) -> Iterator[bytes]:
        yield f"{rows.shape}".encode()
        yield np.ascontiguousarray(rows).tobytes()


class InFiles:
    """A row is the path of an image file, () str."""

    def read(self, row: "tf.Tensor") -> "tf.Tensor":
        import tensorflow as tf

        return tf.io.read_file(row)

    def name(self, row: np.ndarray, place: int) -> str:
        return str(row)

    def content(self, rows: np.ndarray) -> Iterator[bytes]:
        """Every file's class folder, name and size."""
        for path in map(Path, rows):
            yield f"{path.parent.name}/{path.name}:{path.stat().st_size}\n".encode()


@dataclass(frozen=True, eq=False)
class Split:
    """Images and what they show.

    Parameters
    ----------
    images
        A row for every image, (N, ...), which ``store`` reads; in memory, pixels, (N, H, W, C) uint8.
    targets
        The number of each image's class, (N,) int32.
    store
        Where the images lie.
    """

    images: np.ndarray
    targets: np.ndarray
    store: Store = InMemory()

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, places: np.ndarray) -> "Split":
        """The images at ``places``, numbers or a mask."""
        return replace(self, images=self.images[places], targets=self.targets[places])

    def name(self, place: int) -> str:
        """What to call an image in an error or a report."""
        return self.store.name(self.images[place], place)

    def digest(self) -> bytes:
        """A hash of the targets and of the images, as far as their store tells."""
        hashed = hashlib.sha256(np.ascontiguousarray(self.targets).data)
        for piece in self.store.content(self.images):
            hashed.update(piece)
        return hashed.digest()


@dataclass(frozen=True, eq=False, kw_only=True)
class Data:
    """A classification data set, split in two.

    Parameters
    ----------
    train, test
        What is learned from, and what is held out.
    labels
        Class names; a target is a place in this tuple.
    channels
        Colour channels that the images have: 1 or 3. A preprocessing may ask for the other.
    skipped
        Images left out because they cannot be read, by name.
    note
        How the source was understood, where it leaves a choice.
    """

    train: Split
    test: Split
    labels: tuple[str, ...]
    channels: int
    skipped: tuple[str, ...] = ()
    note: str = ""

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change with the images, the classes or the way they are split."""
        parts = (self.train.digest(), self.test.digest(), "\n".join(self.labels).encode())
        return hashlib.sha256(b"".join(parts)).hexdigest()[:16]
