"""Write drawn images and all that is true of them as a folder: ``python tools/shapes.py coco --out my_shapes``.

The images are those of ``shape_instances``, or others by another seed. The forms are those that ``kerascnn`` and others
read: ``coco`` has boxes and masks in JSON, ``voc`` boxes in XML and masks in PNG files, of objects and of classes, and
``masks`` the class of every pixel in PNG files. A quarter of the images is there to validate on. ``panoptic`` writes
those of ``shape_panoptic`` with COCO's panoptic JSON and PNG files.
"""

import argparse
import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from kerascnn.data.segments import encoded
from kerascnn.data.sources import shape_panoptic
from kerascnn.data.sources.panoptic import coloured
from kerascnn.data.sources.shape_boxes import COUNT, SIDE, Scene, extent, scene
from kerascnn.data.sources.shapes import SHAPES
from kerascnn.files import written_whole
from kerascnn.progress import track
from kerascnn.tasks.drawing import palette

CLASSES = [*SHAPES]
VALIDATION = 4  # of so many images one is there to validate on
Parts = dict[str, list[Scene]]


def main(arguments: list[str] | None = None) -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(description="Write drawn images with boxes and masks of their objects.")
    parser.add_argument("form", choices=WRITERS, help="how truth is written")
    parser.add_argument("--out", type=Path, required=True, help="the folder, which is not there yet")
    parser.add_argument("--images", type=int, default=COUNT, help=f"how many (default: {COUNT})")
    parser.add_argument("--seed", type=int, default=0, help="what they show (default: 0, as shape_instances)")
    options = parser.parse_args(arguments)
    if options.out.exists():
        parser.error(f"{options.out} is already there: name a new folder")
    if options.images < VALIDATION or options.seed < 0:
        parser.error(
            f"--images is {options.images} and --seed {options.seed}: expected {VALIDATION} or more, and 0 or more"
        )
    rng, parts = np.random.default_rng(options.seed), {"train": [], "val": []}
    draw = shape_panoptic.scene if options.form == "panoptic" else scene
    for number in track(range(options.images), "drawing shapes"):
        parts["train" if number % VALIDATION else "val"].append(draw(rng))
    with written_whole(options.out) as draft:
        WRITERS[options.form](parts, draft)
    print(f"{options.out}: {options.images} images, {', '.join(f'{len(each)} {name}' for name, each in parts.items())}")


def coco(parts: Parts, folder: Path) -> None:
    """``train/annotations.json`` and ``val/annotations.json``, each beside ``images/``."""
    categories = [{"id": number, "name": name} for number, name in enumerate(CLASSES, 1)]
    for part, scenes in parts.items():
        images, annotations = [], []
        for number, drawn in enumerate(scenes):
            save(drawn.pixels, folder / part / "images" / name(number))
            images.append({"id": number, "file_name": name(number), "width": SIDE, "height": SIDE})
            for kind, mask in objects(drawn):
                x1, y1, x2, y2 = extent(mask, 1)
                annotations.append({
                    "id": 1 + len(annotations), "image_id": number, "category_id": 1 + kind, "iscrowd": 0,
                    "bbox": [x1, y1, x2 - x1, y2 - y1], "area": int(mask.sum()), "segmentation": encoded(mask),
                })  # fmt: skip
        held = {"images": images, "annotations": annotations, "categories": categories}
        (folder / part / "annotations.json").write_text(json.dumps(held), encoding="utf-8")


def voc(parts: Parts, folder: Path) -> None:
    """``JPEGImages/``, ``Annotations/``, masks of objects and of classes, and lists of the parts."""
    lists = folder / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (folder / "Annotations").mkdir()
    first = 0
    for part, scenes in parts.items():
        names = [f"{first + number:06d}" for number in range(len(scenes))]
        first += len(scenes)
        (lists / f"{part}.txt").write_text("".join(f"{each}\n" for each in names))
        for drawn, stem in zip(scenes, names, strict=True):
            save(drawn.pixels, folder / "JPEGImages" / f"{stem}.png")
            save((drawn.middle + 1).astype(np.uint8), folder / "SegmentationObject" / f"{stem}.png")
            save(classes(drawn), folder / "SegmentationClass" / f"{stem}.png")
            (folder / "Annotations" / f"{stem}.xml").write_bytes(xml(drawn, f"{stem}.png"))


def xml(drawn: Scene, file: str) -> bytes:
    """An image and its objects as Pascal VOC's XML; pixels count from 1."""
    root = ElementTree.Element("annotation")
    text(root, "filename", file)
    size = ElementTree.SubElement(root, "size")
    for key, value in (("width", SIDE), ("height", SIDE), ("depth", 3)):
        text(size, key, value)
    text(root, "segmented", 1)
    for kind, mask in objects(drawn):
        one = ElementTree.SubElement(root, "object")
        text(one, "name", CLASSES[kind])
        text(one, "difficult", 0)
        box = ElementTree.SubElement(one, "bndbox")
        x1, y1, x2, y2 = map(int, extent(mask, 1))
        for key, value in (("xmin", x1 + 1), ("ymin", y1 + 1), ("xmax", x2), ("ymax", y2)):
            text(box, key, value)
    return ElementTree.tostring(root)


def text(above: ElementTree.Element, key: str, value: Any) -> None:
    ElementTree.SubElement(above, key).text = str(value)


def masks(parts: Parts, folder: Path) -> None:
    """``images/train/``, ``masks/train/`` and the like, and ``labels.txt``."""
    for part, scenes in parts.items():
        for number, drawn in enumerate(scenes):
            save(drawn.pixels, folder / "images" / part / name(number))
            save(classes(drawn), folder / "masks" / part / name(number))
    (folder / "labels.txt").write_text("".join(f"{each}\n" for each in ("background", *CLASSES)))


def panoptic(parts: Parts, folder: Path) -> None:
    """``train/panoptic.json`` and ``val/panoptic.json``, each beside ``panoptic/`` and ``images/``."""
    labels = enumerate(shape_panoptic.LABELS, 1)
    categories = [{"id": number, "name": name, "isthing": int(name in CLASSES)} for number, name in labels]
    for part, scenes in parts.items():
        images, annotations = [], []
        for number, drawn in enumerate(scenes):
            save(drawn.pixels, folder / part / "images" / name(number))
            save(coloured(drawn.middle + 1), folder / part / "panoptic" / name(number))
            images.append({"id": number, "file_name": name(number), "width": SIDE, "height": SIDE})
            segments = []
            for place, (kind, mask) in enumerate(objects(drawn), 1):
                x1, y1, x2, y2 = extent(mask, 1)
                box = {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": int(mask.sum()), "iscrowd": 0}
                segments.append({"id": place, "category_id": 1 + kind, **box})
            annotations.append({"image_id": number, "file_name": name(number), "segments_info": segments})
        held = {"images": images, "annotations": annotations, "categories": categories}
        (folder / part / "panoptic.json").write_text(json.dumps(held), encoding="utf-8")


def objects(drawn: Scene) -> Iterator[tuple[int, np.ndarray]]:
    """The class of each object, and where it is in sight."""
    yield from ((kind, drawn.middle == place) for place, kind in enumerate(drawn.classes))


def classes(drawn: Scene) -> np.ndarray:
    """(SIDE, SIDE) uint8: the class of every pixel from 1, and 0 for the background."""
    return np.array([0, *(1 + kind for kind in drawn.classes)], np.uint8)[drawn.middle + 1]


def name(number: int) -> str:
    return f"{number:06d}.png"


def save(pixels: np.ndarray, path: Path) -> None:
    """A PNG file of colours, or of numbers with a palette."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    if pixels.ndim == 2:
        image.putpalette(palette().tobytes())
    image.save(path)


WRITERS: dict[str, Callable[[Parts, Path], None]] = {"coco": coco, "voc": voc, "masks": masks, "panoptic": panoptic}

if __name__ == "__main__":
    main()
