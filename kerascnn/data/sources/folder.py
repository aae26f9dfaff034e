"""A folder of images: one sub-folder per class, or train/, validation/ and test/ of such."""

import os
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np

from kerascnn.data.checks import checked_files, refuse
from kerascnn.data.dataset import InFiles, Source, Split
from kerascnn.data.headers import is_readable
from kerascnn.data.splitting import ALL, Opening, by_role, in_order, role_of

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp")
FOREIGN = (  # images too: named as unreadable rather than passed over
    *(".tif", ".tiff", ".heic", ".heif", ".avif", ".jxl", ".jp2"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)
SYSTEM = ("thumbs.db", "desktop.ini", "@eadir", "lost+found", "$recycle.bin", "#recycle", "system volume information")
LAYOUT = (
    "Expected one sub-folder per class, such as photos/cat/*.jpg and photos/dog/*.jpg; "
    "or train/, validation/ and test/, or some of them, each with one sub-folder per class. "
    f"Images end in {', '.join(SUFFIXES)}."
)

Listing = dict[str, list[Path]]  # the files of every class


def from_folder(root: Path, opening: Opening) -> Source:
    """The data set in a folder."""
    parts = part_folders(root)
    found = {role: listing(folder) for role, folder in parts.items()}
    listings = {role: {label: [*filter(is_image, of)] for label, of in each.items()} for role, each in found.items()}
    labels = in_order({label for classes in listings.values() for label in classes})
    files = [path for classes in listings.values() for of_class in classes.values() for path in of_class]
    problems, seals, known = checked_files(files, opening)
    refuse({str(path.relative_to(root)): problem for path, problem in problems.items()}, "image file", root, opening)
    store = InFiles(f"{root}{os.sep}")
    others = {path for classes in found.values() for of in classes.values() for path in of}.difference(files)
    beside = [path for path in visible(root) if ALL not in parts and path not in parts.values()]
    return Source(
        parts={role: as_split(classes, labels, problems, seals, store) for role, classes in listings.items()},
        labels=labels,
        channels=3,
        skipped=tuple(map(str, problems)),
        note="; ".join(filter(None, (known, passed_over(sorted(others), [*filter(Path.is_dir, beside)], root)))),
    )


def passed_over(files: list[Path], folders: list[Path], root: Path) -> str:
    """What lies in a folder of images and is not used, counted by its endings."""
    endings = Counter(path.suffix.lower() or "without ending" for path in files)
    kinds = ", ".join(f"{count:,} {ending}" for ending, count in endings.most_common())
    read = [f"not images: {kinds}, such as {files[0].relative_to(root)}"] if files else []
    used = [f"not used: {', '.join(f'{folder.name}{os.sep}' for folder in folders)}"] if folders else []
    return "; ".join([*read, *used])


def part_folders(root: Path) -> dict[str, Path]:
    """The folder of every part by role; ``root`` alone, where its sub-folders are classes, whatever they are called.

    Raises ``ValueError`` when folders are called as parts and hold no classes, or nearly so and hold some, or when
    classes hold the parts.
    """
    folders = [path for path in visible(root) if path.is_dir()]
    inner = {path: [one for one in visible(path) if one.is_dir()] for path in folders}
    if any(role_of(path.name) and inner[path] for path in folders):
        return {role: root / name for role, name in by_role([path.name for path in folders], root).items()}
    names = ", ".join(path.name for path in folders)
    roles = {nearly_role(path.name) for path in folders}
    if len(roles) > 1 and None not in roles:
        what = "hold no folders of classes" if not any(inner.values()) else "are not called train, validation and test"
        raise ValueError(f"The folders {names} of {root} look like parts of a data set, but {what}. {LAYOUT}")
    for path, within in inner.items():
        roles = {role_of(one.name) for one in within}
        if len(roles) > 1 and None not in roles:
            inside = " and ".join(one.name for one in within)
            raise ValueError(
                f"{path} holds {inside}: parts within a class. Let every part hold the classes instead, as "
                f"{root / within[0].name / path.name}. {LAYOUT}"
            )
    return {ALL: root}


def nearly_role(name: str) -> str | None:
    """The role of a part that a folder's name speaks of: ``"Train_images"``, ``"testset"``."""
    words = re.findall("[a-z]+", name.lower())
    return next(filter(None, (role_of(word.removesuffix("set")) for word in words)), None)


def listing(root: Path) -> Listing:
    """All files of every class folder in ``root``, also in folders within it."""
    classes = [path for path in visible(root) if path.is_dir()]
    if not classes:
        loose = sum(map(is_image, visible(root)))
        found = f"{loose} images lying directly in it" if loose else "no sub-folder"
        raise ValueError(f"{root} has no class folders: found {found}. {LAYOUT}")
    return {folder.name: [*files_in(folder)] for folder in classes}


def files_in(folder: Path) -> Iterator[Path]:
    """The files of a folder and of the folders in it, in order of names; links that lead back are not followed."""
    for path in visible(folder):
        if not path.is_dir():
            yield path
        elif not (path.is_symlink() and folder.resolve().is_relative_to(path.resolve())):
            yield from files_in(path)


def visible(folder: Path) -> list[Path]:
    """What is in a folder, in order of names, without what systems and editors leave there."""
    return sorted(
        path for path in folder.iterdir() if not path.name.startswith((".", "__")) and path.name.lower() not in SYSTEM
    )


def is_image(path: Path) -> bool:
    """Whether a path claims to be an image, by its ending or without one by its content.

    A link that leads nowhere claims it too, so that it is named.
    """
    if path.suffix.lower() in (*SUFFIXES, *FOREIGN):
        return path.is_file() or path.is_symlink()
    if path.suffix or not path.is_file():
        return False
    with open(path, "rb") as file:
        return is_readable(file.read(12))


def as_split(
    classes: Listing,
    labels: tuple[str, ...],
    problems: Collection[Path],
    seals: Mapping[Path, np.ndarray],
    store: InFiles,
) -> Split:
    """Paths and class numbers, class by class in order of names, without the files that have a problem."""
    sound = [(path, labels.index(label)) for label, of in classes.items() for path in of if path not in problems]
    return Split(
        np.array([str(path) for path, _ in sound], str),
        {"label": np.array([number for _, number in sound], np.int32)},
        store,
        seals=np.array([seals[path] for path, _ in sound], np.uint64).reshape(-1, 2),
    )
