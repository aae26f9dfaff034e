"""A folder of images: one sub-folder per class, or train/, validation/ and test/ of such."""

import os
from collections.abc import Collection
from pathlib import Path

import numpy as np

from kerascnn.data.checks import file_problems, refuse
from kerascnn.data.dataset import InFiles, Source, Split
from kerascnn.data.splitting import ALL, Opening, by_role, role_of

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp")
FOREIGN = (".tif", ".tiff", ".heic", ".heif", ".avif")  # photos too: named as unreadable rather than passed over
LAYOUT = (
    "Expected one sub-folder per class, such as photos/cat/*.jpg and photos/dog/*.jpg; "
    "or train/, validation/ and test/, or some of them, each with one sub-folder per class. "
    f"Images end in {', '.join(SUFFIXES)}."
)

Listing = dict[str, list[Path]]  # the image files of every class


def from_folder(root: Path, opening: Opening) -> Source:
    """The data set in a folder."""
    listings = {role: listing(folder) for role, folder in part_folders(root).items()}
    labels = tuple(sorted({label for classes in listings.values() for label in classes}))
    files = [path for classes in listings.values() for of_class in classes.values() for path in of_class]
    problems = file_problems(files, opening)
    refuse({str(path.relative_to(root)): problem for path, problem in problems.items()}, "image file", root, opening)
    store = InFiles(f"{root}{os.sep}")
    parts = {role: as_split(classes, labels, problems, store) for role, classes in listings.items()}
    return Source(parts=parts, labels=labels, channels=3, skipped=tuple(map(str, problems)))


def part_folders(root: Path) -> dict[str, Path]:
    """The folder of every part by role; ``root`` alone, where its sub-folders are classes, whatever they are called."""
    folders = [path for path in visible(root) if path.is_dir()]
    if not any(role_of(path.name) and any(inner.is_dir() for inner in path.iterdir()) for path in folders):
        return {ALL: root}
    return {role: root / name for role, name in by_role([path.name for path in folders], root).items()}


def listing(root: Path) -> Listing:
    """The image files of every class folder in ``root``."""
    classes = [path for path in visible(root) if path.is_dir()]
    if not classes:
        loose = sum(is_image(path) for path in visible(root))
        found = f"{loose} images lying directly in it" if loose else "no sub-folder"
        raise ValueError(f"{root} has no class folders: found {found}. {LAYOUT}")
    return {folder.name: [path for path in visible(folder) if is_image(path)] for folder in classes}


def visible(folder: Path) -> list[Path]:
    """What is in a folder, in order of names, without what systems and editors leave there."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith((".", "__")))


def is_image(path: Path) -> bool:
    """Whether a path claims to be an image; a link that leads nowhere does, so that it is named."""
    return path.suffix.lower() in (*SUFFIXES, *FOREIGN) and (path.is_file() or path.is_symlink())


def as_split(classes: Listing, labels: tuple[str, ...], problems: Collection[Path], store: InFiles) -> Split:
    """Paths and class numbers, class by class in order of names, without the files that have a problem."""
    found = [
        (str(path), labels.index(label)) for label, files in classes.items() for path in files if path not in problems
    ]
    paths, numbers = zip(*found, strict=True) if found else ((), ())
    return Split(np.array(paths, str), {"label": np.array(numbers, np.int32)}, store)
