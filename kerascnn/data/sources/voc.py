"""Images whose objects stand in an XML file each, as those of the Pascal VOC challenges.

Everingham et al. 2010, https://doi.org/10.1007/s11263-009-0275-4; the development kit counts pixels from 1, and a box
holds those of both its corners. Where there are masks too, a pixel is the number of an object in the XML file, from 1.
"""

import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path
from typing import Any

from kerascnn.data.checks import counted, listed_short, reason
from kerascnn.data.dataset import IGNORE, Source
from kerascnn.data.segments import Segment, encoded
from kerascnn.data.sources.folder import is_image, visible
from kerascnn.data.sources.masks import decode_mask, single_numbers
from kerascnn.data.sources.objects import Listed, by_stem, from_listed
from kerascnn.data.splitting import ALL, Opening, by_role, in_order

XML, IMAGES, OBJECTS, SETS = "Annotations", "JPEGImages", "SegmentationObject", "ImageSets/Main"
VOC_LAYOUT = (
    f"Expected {XML}/ with an XML file for each image, as Pascal VOC's, beside {IMAGES}/; perhaps {OBJECTS}/ with PNG "
    f"files whose pixels number the objects; and, if it is split already, {SETS}/ with train.txt, val.txt and "
    "test.txt, which list names without ending."
)
MEANING = "xmin, ymin, xmax and ymax in pixels, the first of which is 1"


def is_voc(root: Path) -> bool:
    """Whether a folder has annotations and images as Pascal VOC lays them."""
    return (root / XML).is_dir() and (root / IMAGES).is_dir()


def from_voc(root: Path, opening: Opening) -> Source:
    """The data set of a folder; classes are the names of all objects, in order.

    Objects that are marked as difficult are not trained on and not counted, as COCO's crowds. Raises ``ValueError``
    when a file cannot be read, or images and annotations do not go together.
    """
    images = by_stem([path for path in visible(root / IMAGES) if is_image(path)], VOC_LAYOUT)
    files = {path.stem: path for path in visible(root / XML) if path.suffix.lower() == ".xml"}
    if lacking := [stem for stem in files if stem not in images]:
        raise ValueError(f"{root / IMAGES} has no image for {listed_short(lacking)} of {root / XML}. {VOC_LAYOUT}")
    held = {stem: read(file) for stem, file in files.items()}
    masks = {path.stem: path for path in visible(root / OBJECTS)} if (root / OBJECTS).is_dir() else {}
    segments = {
        stem: segments_in(masks[stem], len(objects)) if stem in masks else [[]] * len(objects)
        for stem, (_, objects) in held.items()
    }
    names = in_order({name for _, objects in held.values() for name, _, _ in objects})
    parts = {}
    for role, stems in sets(root, files).items():
        rows = [(number, held[stem][1], segments[stem]) for number, stem in enumerate(stems)]
        parts[role] = Listed(
            root / XML,
            root / IMAGES,
            [{"id": number, "file_name": images[stem].name, **held[stem][0]} for number, stem in enumerate(stems)],
            [
                {
                    "image_id": number,
                    "category_id": names.index(name),
                    "bbox": box,
                    "iscrowd": difficult,
                    "segmentation": segment,
                }
                for number, objects, of_image in rows
                for (name, box, difficult), segment in zip(objects, of_image, strict=True)
            ],
            dict(enumerate(names)),
            MEANING,
        )
    source = from_listed(parts, root, root, opening)
    left = counted({"images without an XML file, left out": len({*images} - {*files})})
    return replace(source, note="; ".join(filter(None, (source.note, left))))


def sets(root: Path, files: dict[str, Path]) -> dict[str, list[str]]:
    """The names of the images of each part, by role; all that have annotations, where nothing splits them."""
    lists = {path.stem: path for path in visible(root / SETS)} if (root / SETS).is_dir() else {}
    parts = by_role([name for name in lists if lists[name].suffix == ".txt"], root / SETS)
    if not parts and "trainval" in lists:
        parts = {ALL: "trainval"}
    found = {}
    for role, name in parts.items():
        stems = [
            line.split()[0]
            for line in lists[name].read_text(encoding="utf-8", errors="replace").splitlines()
            if line.strip()
        ]
        if lacking := [stem for stem in stems if stem not in files]:
            raise ValueError(f"{lists[name]} lists {listed_short(lacking)}, and {root / XML} has no such XML file.")
        found[role] = stems
    return found or {ALL: [*files]}


def segments_in(file: Path, count: int) -> list[Segment]:
    """The masks of so many objects in a PNG file; none for one that has no pixel.

    Raises ``ValueError`` when the file cannot be read, or has other objects.
    """
    import tensorflow as tf

    try:
        contents = file.read_bytes()
        single_numbers(contents)
        numbers = decode_mask(tf.constant(contents)).numpy()
    except (ValueError, OSError, tf.errors.OpError) as error:
        raise ValueError(f"{file} {reason(error)}.") from error
    if (most := int(numbers[numbers != IGNORE].max(initial=0))) > count:
        raise ValueError(
            f"{file} has the object {most}, and the XML file of its image {count}. A pixel is the number of an object, "
            f"in the order of the XML file and from 1, 0 for none, or {IGNORE} for a border."
        )
    bitmaps = (numbers == number for number in range(1, count + 1))
    return [encoded(bitmap) if bitmap.any() else [] for bitmap in bitmaps]


def read(file: Path) -> tuple[dict[str, int], list[tuple[str, list[float], int]]]:
    """The size that a file says its image has, and of each object the name, the box as COCO's, and if it is difficult.

    A size of 0, which tools write that know none, is none.
    """
    try:
        root = ElementTree.parse(file).getroot()
        size = {key: int(root.findtext(f"size/{key}") or 0) for key in ("width", "height")}
        objects = [one(each) for each in root.iter("object")]
    except ElementTree.ParseError as error:
        raise ValueError(f"{file} cannot be read as XML: {error}. {VOC_LAYOUT}") from error
    except (TypeError, ValueError) as error:
        raise ValueError(f"{file} cannot be used: {error} {VOC_LAYOUT}") from error
    return size if all(size.values()) else {}, objects


def one(tag: Any) -> tuple[str, list[float], int]:
    name, found = (tag.findtext("name") or "").strip(), {}
    if not name:
        raise ValueError("an object has no name.")
    for key in ("xmin", "ymin", "xmax", "ymax"):
        text = tag.findtext(f"bndbox/{key}")
        try:
            found[key] = float(text)
        except (TypeError, ValueError):
            raise ValueError(f"the {name} has {text!r} for {key} of its bndbox, where a number is expected.") from None
    x, y, right, low = found.values()
    if not (x <= right and y <= low):
        raise ValueError(
            f"the {name} has the corners {x:g}, {y:g} and {right:g}, {low:g}: its bndbox ends before it begins."
        )
    return name, [x - 1, y - 1, right - x + 1, low - y + 1], int(tag.findtext("difficult") or 0)
