"""A folder of images: one sub-folder per class, or train/ and test/ of such."""

from pathlib import Path

import numpy as np

from kerascnn.data.checks import file_flaws, refuse
from kerascnn.data.dataset import Data, InFiles, Split
from kerascnn.data.splitting import Opening, check_labels, parts_among, two_parts

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp")
FOREIGN = (".tif", ".tiff", ".heic", ".heif", ".avif")  # photos too: named as unreadable rather than passed over
LAYOUT = (
    "Expected one sub-folder per class, such as photos/cat/*.jpg and photos/dog/*.jpg; "
    "or train/ and one of test/, val/, validation/, each with one sub-folder per class. "
    f"Images end in {', '.join(SUFFIXES)}."
)

Listing = dict[str, list[Path]]  # the image files of every class


def from_folder(root: Path, how: Opening) -> Data:
    """The data set that lies in a folder, split as it lies there or else by ``how.validation``."""
    parts = [listing(part) for part in parts_of(root)]
    labels = tuple(parts[0])
    check_labels(labels, parts[-1], root, LAYOUT)
    flaws = file_flaws([path for part in parts for files in part.values() for path in files], how)
    refuse({str(path.relative_to(root)): flaw for path, flaw in flaws.items()}, "image file", root, how)
    whole = [{label: [path for path in files if path not in flaws] for label, files in p.items()} for p in parts]
    for label, files in ((label, files) for part in whole for label, files in part.items()):
        if not files:
            raise ValueError(f"The class {label!r} of {root} has no image that can be read. {LAYOUT}")
    train, validation = two_parts([as_split(part, labels) for part in whole], labels, how, root, LAYOUT)
    return Data(train=train, validation=validation, labels=labels, channels=3, skipped=tuple(map(str, flaws)))


def parts_of(root: Path) -> list[Path]:
    """``root`` itself, or its train/ and the part that is held out."""
    found = parts_among([path.name for path in root.iterdir() if path.is_dir()])
    return [root / name for name in found] if len(found) == 2 else [root]


def listing(root: Path) -> Listing:
    """The image files of every class folder in ``root``."""
    classes = [path for path in visible(root) if path.is_dir()]
    if not classes:
        loose = sum(is_image(path) for path in visible(root))
        found = f"{loose} images lying directly in it" if loose else "no sub-folder"
        raise ValueError(f"{root} has no class folders: found {found}. {LAYOUT}")
    return {folder.name: [path for path in visible(folder) if is_image(path)] for folder in classes}


def visible(folder: Path) -> list[Path]:
    """What lies in a folder, in order of names, without what systems and editors leave there."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith((".", "__")))


def is_image(path: Path) -> bool:
    """Whether a path claims to be an image; a link that leads nowhere does, so that it is named."""
    return path.suffix.lower() in (*SUFFIXES, *FOREIGN) and (path.is_file() or path.is_symlink())


def as_split(part: Listing, labels: tuple[str, ...]) -> Split:
    """Paths and class numbers, class by class in order of names."""
    paths = np.array([str(path) for files in part.values() for path in files])
    numbers = np.array([labels.index(label) for label in part], np.int32)
    return Split(paths, {"label": np.repeat(numbers, [len(files) for files in part.values()])}, InFiles())
