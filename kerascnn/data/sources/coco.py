"""Images whose objects stand in a JSON file as COCO writes it: a box, a category, an area and a mask for each.

https://cocodataset.org/#format-data: ``"bbox"`` is x, y, width and height in pixels from the corner of the image, and
``"segmentation"``, where there is one, polygons or runs: :mod:`kerascnn.data.segments`.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kerascnn.data.checks import listed_short
from kerascnn.data.dataset import Source
from kerascnn.data.segments import LARGEST, is_finite
from kerascnn.data.sources.objects import Listed, from_listed
from kerascnn.data.splitting import ALL, ROLES, Opening, role_of

NAMES = ("annotations.json", "_annotations.coco.json")
PREFIX = "instances_"
COCO_LAYOUT = (
    "Expected a JSON file with images, annotations and categories, as COCO's: annotations.json beside images/, in the "
    "folder itself or in its train/, validation/ and test/; or annotations/instances_train2017.json and the like "
    "beside train2017/ and the like."
)


def annotation_files(root: Path, prefix: str = PREFIX, names: Sequence[str] = NAMES) -> dict[str, Path]:
    """The annotation files of a folder by the role of their images, or the only one as ``"all"``; none: it has none."""
    found = {}
    for path in sorted((root / "annotations").glob(f"{prefix}*.json")):
        if role := role_of(path.stem.removeprefix(prefix).rstrip("0123456789")):
            found.setdefault(role, path)
    for folder in sorted(path for path in root.iterdir() if path.is_dir() and role_of(path.name)):
        for name in names:
            if (folder / name).is_file():
                found.setdefault(str(role_of(folder.name)), folder / name)
    for path in (root / name for name in names if not found):
        if path.is_file():
            return {ALL: path}
    return {role: found[role] for role in ROLES if role in found}


def from_coco(root: Path, opening: Opening) -> Source:
    """The data set of a folder, or of a single annotation file.

    Categories are classes in the order of their numbers. Raises ``ValueError`` when a file cannot be read or its boxes
    cannot be meant so.
    """
    files = {ALL: root} if root.is_file() else annotation_files(root)
    base = root.parent if root.is_file() else root
    return from_listed({role: read(path) for role, path in files.items()}, base, root, opening, proposals_beside)


def proposals_beside(file: Path) -> Path:
    """Where the proposals of an annotation file's images lie: ``proposals.json``, ``proposals_train2017.json``."""
    return file.with_name(f"proposals_{file.name.removeprefix(PREFIX)}" if PREFIX in file.name else "proposals.json")


def read(file: Path, objects: Callable[[Any], list[dict[str, Any]]] = lambda held: held["annotations"]) -> Listed:
    """An annotation file, in whose JSON ``objects`` finds the objects.

    Raises ``ValueError`` when it is none, or what it holds does not go together.
    """
    try:
        held = json.loads(file.read_text(encoding="utf-8-sig"))
        images, annotations, categories = held["images"], objects(held), held["categories"]
        named = [(each["id"], each["name"]) for each in categories]
        numbers = [image["id"] for image in images]
        names = [image["file_name"] for image in images]
        sizes = [image[key] for image in images for key in ("width", "height") if image.get(key) is not None]
        wanted = [(each["image_id"], each["category_id"], each["bbox"]) for each in annotations]
        more = [each[key] for each in annotations for key in ("area", "iscrowd") if each.get(key) is not None]
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not UTF-8 text: {error}. Save it as UTF-8.") from error
    except (ValueError, RecursionError) as error:  # also of numbers without end
        raise ValueError(f"{file} cannot be read as JSON: {error}. {COCO_LAYOUT}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{file} lacks {error} where COCO's files have it. {COCO_LAYOUT}") from error
    for what, values, kind in (
        ("id of a category", [number for number, _ in named], int),
        ("name of a category", [name for _, name in named], str),
        ("id of an image", numbers, int | str),
        ("file_name of an image", names, str),
        ("width or height of an image", sizes, int | float),
        ("image_id of an object", [image for image, _, _ in wanted], int | str),
        ("category_id of an object", [category for _, category, _ in wanted], int),
        ("area or iscrowd of an object", more, int | float),
    ):
        check_kind(file, what, values, kind)
    for what, values in (
        ("images with one id", numbers),
        ("images of one file", names),
        ("categories of one name", [name for _, name in named]),
        ("categories with one id", [number for number, _ in named]),
    ):
        if twice := [value for value, count in Counter(values).items() if count > 1]:
            raise ValueError(f"{file} has several {what}, {listed_short(twice)}; each needs its own.")
    known = {number for number, _ in named}
    if unknown := sorted({category for _, category, _ in wanted} - known):
        raise ValueError(
            f"{file} has objects of the categories {listed_short(unknown)}, and knows {listed_short(sorted(known))}."
        )
    if strange := sorted({image for image, _, _ in wanted} - {*numbers}, key=str):
        raise ValueError(f"{file} has objects in the images {listed_short(strange)}, which it does not list.")
    for image, _, box in wanted:
        if not (isinstance(box, list) and len(box) == 4 and all(is_finite(value) for value in box)):
            raise ValueError(f"{file} has the box {box!r:.80} in image {image}; expected x, y, width and height.")
    return Listed(file, folder_of(file, names), images, annotations, dict(sorted(named)))


def check_kind(file: Path, what: str, values: Sequence[Any], kind: Any) -> None:
    """Refuse values of another kind; numbers have to be 0 or more. Raises ``ValueError``."""
    for value in values:
        number = isinstance(value, int | float)
        if not isinstance(value, kind) or (number and not 0 <= value <= LARGEST):
            names = {int: "an integer", str: "a text", int | str: "an integer or a text"}
            raise ValueError(
                f"{file} has {value!r:.80} for the {what}; expected {names.get(kind, 'a number')}"
                f"{', at least 0' * number}."
            )


def folder_of(file: Path, names: Sequence[str]) -> Path:
    """The folder of an annotation file's images: where the first of them is."""
    stem, above = (
        file.stem.partition("_")[2] or file.stem,
        file.parent.parent,
    )  # instances_train2017, panoptic_train2017
    folders = (file.parent / "images", file.parent, above / stem, above / "images" / stem, above / "images")
    for folder in folders:
        if names and (folder / names[0]).is_file():
            return folder
    if not names:
        raise ValueError(f"{file} lists no image.")
    looked = "\n".join(f"  {folder}" for folder in folders)
    raise FileNotFoundError(f"There is no image {names[0]} of {file} in any of\n{looked}\n{COCO_LAYOUT}")
