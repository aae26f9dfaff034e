"""Images whose objects stand in a JSON file as COCO writes it: a box, a category and an area for each.

https://cocodataset.org/#format-data: ``"bbox"`` is x, y, width and height in pixels from the corner of the image.
"""

import json
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from kerascnn.data.dataset import Source
from kerascnn.data.sources.objects import Listed, from_listed, listed_short
from kerascnn.data.splitting import ALL, ROLES, Opening, role_of

NAMES = ("annotations.json", "_annotations.coco.json")
PREFIX = "instances_"
COCO_LAYOUT = (
    "Expected a JSON file with images, annotations and categories, as COCO's: annotations.json beside images/, in the "
    "folder itself or in its train/, validation/ and test/; or annotations/instances_train2017.json and the like "
    "beside train2017/ and the like."
)


def annotation_files(root: Path) -> dict[str, Path]:
    """The annotation files of a folder by the role of their images, or the only one as ``"all"``; none: it has none."""
    found = {}
    for path in sorted((root / "annotations").glob(f"{PREFIX}*.json")):
        if role := role_of(path.stem.removeprefix(PREFIX).rstrip("0123456789")):
            found.setdefault(role, path)
    for folder in sorted(path for path in root.iterdir() if path.is_dir() and role_of(path.name)):
        for name in NAMES:
            if (folder / name).is_file():
                found.setdefault(str(role_of(folder.name)), folder / name)
    for path in (root / name for name in NAMES if not found):
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
    return from_listed({role: read(path) for role, path in files.items()}, base, root, opening)


def read(file: Path) -> Listed:
    """An annotation file. Raises ``ValueError`` when it is none, or what it holds does not go together."""
    try:
        held = json.loads(file.read_text(encoding="utf-8-sig"))
        images, annotations, categories = (held[key] for key in ("images", "annotations", "categories"))
        named = {int(each["id"]): str(each["name"]) for each in categories}
        numbers = [image["id"] for image in images]
        names = [str(image["file_name"]) for image in images]
        wanted = [(each["image_id"], each["category_id"], each["bbox"]) for each in annotations]
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not UTF-8 text: {error}. Save it as UTF-8.") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"{file} cannot be read as JSON: {error}. {COCO_LAYOUT}") from error
    except (KeyError, TypeError) as error:
        raise ValueError(f"{file} lacks {error} where COCO's files have it. {COCO_LAYOUT}") from error
    for what, values in (("images with one id", numbers), ("categories of one name", [*named.values()])):
        if len({*values}) < len(values):
            raise ValueError(f"{file} has several {what}; each needs its own.")
    if len(named) < len(categories):
        raise ValueError(f"{file} has several categories with one id; each needs its own.")
    unknown = sorted({category for _, category, _ in wanted} - {*named})
    if unknown:
        raise ValueError(
            f"{file} has objects of the categories {listed_short(unknown)}, and knows {listed_short(sorted(named))}."
        )
    if strange := sorted({image for image, _, _ in wanted} - {*numbers}, key=str):
        raise ValueError(f"{file} has objects in the images {listed_short(strange)}, which it does not list.")
    for image, _, box in wanted:
        if not (isinstance(box, list) and len(box) == 4 and all(is_finite(value) for value in box)):
            raise ValueError(f"{file} has the box {box!r:.80} in image {image}; expected x, y, width and height.")
    return Listed(file, folder_of(file, names), images, annotations, dict(sorted(named.items())))


def is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and isfinite(value)


def folder_of(file: Path, names: Sequence[str]) -> Path:
    """The folder of an annotation file's images: where the first of them is."""
    stem, above = file.stem.removeprefix(PREFIX), file.parent.parent
    folders = (file.parent / "images", file.parent, above / stem, above / "images" / stem, above / "images")
    for folder in folders:
        if names and (folder / names[0]).is_file():
            return folder
    if not names:
        raise ValueError(f"{file} lists no image.")
    looked = "\n".join(f"  {folder}" for folder in folders)
    raise FileNotFoundError(f"There is no image {names[0]} of {file} in any of\n{looked}\n{COCO_LAYOUT}")
