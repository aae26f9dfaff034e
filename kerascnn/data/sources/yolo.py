"""Images whose objects stand in a text file each, as YOLO's Darknet and those after it read them.

A line is an object: its class by number, and the x and y of its middle, its width and its height, as fractions of the
image. Redmon & Farhadi 2018, https://pjreddie.com/darknet/yolo.
"""

from pathlib import Path
from typing import Any

from kerascnn.data.checks import listed_short
from kerascnn.data.dataset import Source
from kerascnn.data.sources.folder import is_image, visible
from kerascnn.data.sources.masks import class_names, has_pairs, part_folders
from kerascnn.data.sources.objects import Listed, by_stem, from_listed, shown
from kerascnn.data.splitting import Opening
from kerascnn.errors import need

LABELS = "labels"
YOLO_LAYOUT = (
    "Expected images/ and labels/ with a text file for each image that has objects, such as images/07.jpg and "
    "labels/07.txt, in the folder itself, in its train/, val/ and test/, or with these three in each of them. Names of "
    "the classes are in data.yaml, or line by line in classes.txt."
)
MEANING = "the x and y of the middle, the width and the height, as fractions of the image"
BEYOND = 0.01  # of an image, by which a box may pass its edge, since tools round


def is_yolo(root: Path) -> bool:
    """Whether a folder, or one of its parts, has images/ and labels/."""
    return has_pairs(root, LABELS)


def from_yolo(root: Path, opening: Opening) -> Source:
    """The data set of a folder; an image without a text file has no objects.

    Raises ``ValueError`` when a file cannot be read, its boxes are no fractions, or a class has no name.
    """
    names = yaml_names(root) or class_names(root)
    if not names:
        raise ValueError(f"{root} does not say what its classes are called. {YOLO_LAYOUT}")
    parts = {role: part(images, labels, names) for role, (images, labels) in part_folders(root, LABELS).items()}
    return from_listed(parts, root, root, opening)


def yaml_names(root: Path) -> tuple[str, ...]:
    """The names of the classes 0, 1, ... in the folder's data.yaml, a list or by number; none where there is none."""
    file = next((root / name for name in ("data.yaml", "data.yml", "dataset.yaml") if (root / name).is_file()), None)
    if file is None:
        return ()
    yaml: Any = need("yaml", "yolo", f"Reading {file.name}")
    expected = "Expected names: [cat, dog], or by number, 0: cat and 1: dog; each class has a name of its own."
    try:
        names = yaml.safe_load(file.read_text(encoding="utf-8-sig"))["names"]
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{file} cannot be used: {error!r}. {expected}") from error
    numbers = [*names] if isinstance(names, dict) else [*range(len(names))] if isinstance(names, list) else None
    if numbers is None or {*numbers} != {*range(len(numbers))}:
        found = repr(names) if numbers is None else f"the numbers {listed_short(numbers)}"
        raise ValueError(f"{file} has {found:.80} for its names. {expected}")
    labels = tuple(str(names[number]) for number in range(len(numbers)))
    if len({*labels}) < len(labels):
        raise ValueError(f"{file} has several classes of one name. {expected}")
    return labels


def part(images: Path, labels: Path, names: tuple[str, ...]) -> Listed:
    """The images of a folder with the objects that the text files of another say."""
    for folder in (images, labels):
        if not folder.is_dir():
            raise ValueError(f"There is no folder {folder}. {YOLO_LAYOUT}")
    paths = [path for path in visible(images) if is_image(path)]
    files = {path.stem: path for path in visible(labels) if path.suffix.lower() == ".txt"}
    if strange := sorted({*files} - {*by_stem(paths, YOLO_LAYOUT)} - {"classes"}):
        raise ValueError(f"{images} has no image for {listed_short(strange)} of {labels}. {YOLO_LAYOUT}")
    rows, objects = [], []
    for number, path in enumerate(paths):
        of_image = read(files[path.stem], len(names)) if path.stem in files else []
        rows.append({"id": number, "file_name": path.name})
        if not of_image:
            continue
        (width, height), _ = shown(path)
        for category, left, top, right, low in of_image:
            box = [left * width, top * height, (right - left) * width, (low - top) * height]
            objects.append({"image_id": number, "category_id": category, "bbox": box})
    return Listed(labels, images, rows, objects, dict(enumerate(names)), MEANING)


def read(file: Path, classes: int) -> list[tuple[int, float, float, float, float]]:
    """The class, left, top, right and lower edge, as fractions of the image, of each object in a text file."""
    found = []
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not UTF-8 text: {error}. Save it as UTF-8.") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            category, x, y, width, height = map(float, line.split())
        except ValueError:
            raise ValueError(
                f"Line {number} of {file} is {line!r:.60}; expected a class and {MEANING}: five numbers."
            ) from None
        if category not in range(classes):
            raise ValueError(f"Line {number} of {file} has the class {category:g}, and there are 0 to {classes - 1}.")
        edges = x - width / 2, y - height / 2, x + width / 2, y + height / 2
        if not (min(width, height) >= 0 and min(edges) >= -BEYOND and max(edges) <= 1 + BEYOND):
            raise ValueError(
                f"Line {number} of {file} has the box {x:g} {y:g} {width:g} {height:g}, which is not within the image. "
                f"Expected {MEANING}; {mended(x, y, width, height)}."
            )
        found.append((int(category), *(min(max(edge, 0.0), 1.0) for edge in edges)))
    return found


def mended(x: float, y: float, width: float, height: float) -> str:
    """What a box that does not fit may have been meant as, and how to write it."""
    if 0 <= x < width <= 1 and 0 <= y < height <= 1:
        return f"taken for two corners it is {(x + width) / 2:g} {(y + height) / 2:g} {width - x:g} {height - y:g}"
    if max(x, y, width, height) > 1 + BEYOND:
        return "divide pixels by its width or height"
    return "cut it at the edge"
