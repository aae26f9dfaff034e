"""Where images come from: a named source, or a folder with one sub-folder per class."""

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np

from kerascnn.errors import need, suggest

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif")
HELD_OUT = ("validation", "val", "test")  # of several, the first: a test set is not for watching a training
LAYOUT = (
    "Expected one sub-folder per class, such as photos/cat/*.jpg and photos/dog/*.jpg; "
    "or train/ and one of test/, val/, validation/, each with one sub-folder per class. "
    f"Images end in {', '.join(SUFFIXES)}."
)

Item = TypeVar("Item")
Listing = dict[str, list[Path]]  # the image files of every class


@dataclass(frozen=True, eq=False)
class Split:
    """Images and what they show.

    Parameters
    ----------
    images
        Pixels, (N, H, W, C) uint8, or the paths of N image files, (N,) str.
    targets
        The number of each image's class, (N,) int32.
    """

    images: np.ndarray
    targets: np.ndarray

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def in_files(self) -> bool:
        """Whether ``images`` holds paths rather than pixels."""
        return self.images.dtype != np.uint8

    def digest(self) -> bytes:
        """A hash of the content: pixels, or every file's class folder, name and size."""
        hashed = hashlib.sha256(np.ascontiguousarray(self.targets).data)
        if self.in_files:
            for path in map(Path, self.images):
                hashed.update(f"{path.parent.name}/{path.name}:{path.stat().st_size}\n".encode())
        else:
            hashed.update(f"{self.images.shape}".encode())
            hashed.update(np.ascontiguousarray(self.images).data)
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
        Image files left out because they cannot be decoded.
    """

    train: Split
    test: Split
    labels: tuple[str, ...]
    channels: int
    skipped: tuple[str, ...] = ()

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change with the images, the classes or the way they are split."""
        parts = (self.train.digest(), self.test.digest(), "\n".join(self.labels).encode())
        return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def open_data(
    source: str | os.PathLike,
    *,
    holdout: float = 0.25,
    seed: int = 0,
    on_corrupt: str = "refuse",
    progress: bool = True,
) -> Data:
    """Open a data set for training.

    Every file of a folder is decoded once, so that a broken one is met now and not hours into a training.

    Parameters
    ----------
    source
        The name of a source (``"digits"``: 1,797 handwritten digits of 8 x 8 pixels), or a folder with one sub-folder
        per class, or a folder with ``train/`` and ``test/`` (or ``val/``, ``validation/``) that each have one
        sub-folder per class. A folder that bears the name of a source is meant by ``"./digits"``.
    holdout
        The share of each class that is held out, between 0 and 1. Has no meaning for a folder that is split already.
    seed
        Decides, with the content, which images are held out.
    on_corrupt
        What to do about image files that cannot be decoded: ``"refuse"`` the data set or ``"skip"`` the files.
    progress
        Show on a terminal how far the decoding is, once it has taken two seconds.

    Raises
    ------
    FileNotFoundError
        When there is neither such a source nor such a folder.
    ValueError
        When the folder is not laid out as said above, a class has too few images, or a file cannot be decoded.
    ImportError
        When a source needs a package that is not installed.
    """
    if on_corrupt not in ("refuse", "skip"):
        raise ValueError(f"on_corrupt is {on_corrupt!r}. {suggest(str(on_corrupt), ('refuse', 'skip'))}")
    if not 0 < holdout < 1:
        raise ValueError(f"holdout is {holdout}; it is the share of images held out, between 0 and 1, such as 0.25.")
    if source in SOURCES:
        return SOURCES[source](holdout, seed)
    root = Path(source)
    if not root.is_dir():
        raise FileNotFoundError(missing(root))
    return from_folder(root, holdout, seed, on_corrupt, progress)


def digits(holdout: float, seed: int) -> Data:
    """The handwritten digits that come with scikit-learn (Alpaydin & Kaynak, UCI, 1998)."""
    bunch = need("sklearn.datasets", "data", 'The data set "digits"').load_digits()
    images = np.round(bunch.images * (255 / 16)).astype(np.uint8)[..., None]
    labels = tuple("0123456789")
    train, test = held_out(Split(images, bunch.target.astype(np.int32)), holdout, seed, labels)
    return Data(train=train, test=test, labels=labels, channels=1)


SOURCES: dict[object, Callable[[float, int], Data]] = {"digits": digits}


def missing(root: Path) -> str:
    """Why ``root`` cannot be opened, with names that are near."""
    if root.exists():
        return f"{root} is a file, not a folder. {LAYOUT}"
    beside = [path.name for path in root.parent.iterdir() if path.is_dir()] if root.parent.is_dir() else []
    near = suggest(root.name, {*map(str, SOURCES), *beside})
    return f"There is no data source and no folder called {str(root)!r}. {near}".rstrip()


def from_folder(root: Path, holdout: float, seed: int, on_corrupt: str, progress: bool) -> Data:
    """The data set that lies in a folder, split as it lies there or else by ``holdout``."""
    parts = [listing(part) for part in parts_of(root)]
    labels = tuple(parts[0])
    if len(labels) == 1:
        raise ValueError(f"{root} has only one class, {labels[0]!r}; there is nothing to tell apart. {LAYOUT}")
    for strange in sorted(set(parts[-1]) - set(labels)):
        near = suggest(strange, labels)
        raise ValueError(f"The class {strange!r} of {root} is held out but is not in train/. {near}".rstrip())

    flaws = corrupt([path for part in parts for files in part.values() for path in files], progress)
    if flaws and on_corrupt == "refuse":
        raise ValueError(complaint(root, flaws))
    whole = [{label: [path for path in files if path not in flaws] for label, files in p.items()} for p in parts]
    for label, files in ((label, files) for part in whole for label, files in part.items()):
        if not files:
            raise ValueError(f"The class {label!r} of {root} has no image that can be read. {LAYOUT}")

    splits = [as_split(part, labels) for part in whole]
    train, test = splits if len(splits) == 2 else held_out(splits[0], holdout, seed, labels)
    return Data(train=train, test=test, labels=labels, channels=3, skipped=tuple(map(str, flaws)))


def visible(folder: Path) -> list[Path]:
    """What lies in a folder, in order of names, without what systems and editors leave there."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith((".", "__")))


def parts_of(root: Path) -> list[Path]:
    """``root`` itself, or its train/ and the part that is held out."""
    held = [root / name for name in HELD_OUT if (root / name).is_dir()]
    return [root / "train", held[0]] if held and (root / "train").is_dir() else [root]


def listing(root: Path) -> Listing:
    """The image files of every class folder in ``root``."""
    classes = [path for path in visible(root) if path.is_dir()]
    if not classes:
        loose = sum(path.suffix.lower() in SUFFIXES for path in visible(root))
        found = f"{loose} images lying directly in it" if loose else "no sub-folder"
        raise ValueError(f"{root} has no class folders: found {found}. {LAYOUT}")
    return {
        folder.name: [path for path in visible(folder) if path.suffix.lower() in SUFFIXES and path.is_file()]
        for folder in classes
    }


def as_split(part: Listing, labels: tuple[str, ...]) -> Split:
    """Paths and class numbers, class by class in order of names."""
    paths = np.array([str(path) for files in part.values() for path in files])
    numbers = np.array([labels.index(label) for label in part], np.int32)
    return Split(paths, np.repeat(numbers, [len(files) for files in part.values()]))


def held_out(split: Split, holdout: float, seed: int, labels: tuple[str, ...]) -> tuple[Split, Split]:
    """Hold out a share of every class, at least one image of each and never all of them."""
    rng = np.random.default_rng(seed)
    chosen = np.zeros(len(split), bool)
    for target in np.unique(split.targets):
        members = np.flatnonzero(split.targets == target)
        if len(members) < 2:
            raise ValueError(
                f"The class {labels[target]!r} has a single image; one to learn from and one to hold out are needed."
            )
        count = min(max(1, round(len(members) * holdout)), len(members) - 1)
        chosen[rng.permutation(members)[:count]] = True
    return Split(split.images[~chosen], split.targets[~chosen]), Split(split.images[chosen], split.targets[chosen])


def flaw(path: Path) -> str | None:
    """Why a file cannot be decoded as training decodes it, or None when it can."""
    import tensorflow as tf

    from kerascnn.data.images import decode

    try:
        decode(path.read_bytes())
    except (tf.errors.OpError, OSError) as error:
        reason = re.sub(r"\{\{.*?\}\}\s*|\s*\[Op:.*", "", getattr(error, "message", None) or str(error))
        return (reason.splitlines() or ["unreadable"])[0]
    return None


def corrupt(files: list[Path], progress: bool) -> dict[Path, str]:
    """The files that cannot be decoded, and why."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        reasons = pool.map(flaw, files)
        watched = shown(reasons, len(files), "checking images") if progress else reasons
        return {path: reason for path, reason in zip(files, watched, strict=True) if reason is not None}


def complaint(root: Path, flaws: dict[Path, str], most: int = 20) -> str:
    """One sentence about all corrupt files, and how to go on."""
    lines = [f"  {path.relative_to(root)}: {reason}" for path, reason in list(flaws.items())[:most]]
    more = [f"  and {len(flaws) - most} more"] if len(flaws) > most else []
    return "\n".join(
        [
            f"{len(flaws)} image file{'s' * (len(flaws) > 1)} of {root} cannot be decoded:",
            *lines,
            *more,
            'Repair or remove them, or leave them out with on_corrupt="skip".',
        ]
    )


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
