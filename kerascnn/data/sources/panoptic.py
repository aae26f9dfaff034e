"""Images whose pixels belong to segments, as COCO's panoptic files say it: a JSON file, and PNG files of numbers.

https://cocodataset.org/#format-data: the number of a pixel is its red, 256 times its green and 65,536 times its blue, 0
for none. Segments of things, which can be counted, are objects; so are those of stuff, one of a kind in an image.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.data.checks import listed_short, reason
from kerascnn.data.dataset import Source
from kerascnn.data.segments import encoded
from kerascnn.data.sources.coco import annotation_files, check_kind, read
from kerascnn.data.sources.objects import Listed, from_listed
from kerascnn.data.splitting import ALL, Opening
from kerascnn.progress import track

PREFIX, NAMES = "panoptic_", ("panoptic.json",)
BASE = np.array([1, 256, 65536])  # of red, green and blue in a number


def is_panoptic(path: Path) -> bool:
    """Whether this is a panoptic annotation file, or a folder that has some."""
    return bool(files_in(path)) if path.is_dir() else path.name.startswith("panoptic")


def files_in(root: Path) -> dict[str, Path]:
    return annotation_files(root, PREFIX, NAMES)


def from_panoptic(root: Path, opening: Opening) -> Source:
    """The data set of a folder, or of a single annotation file.

    Classes are the things in the order of their numbers, then the stuff. Raises ``ValueError`` when a file cannot be
    read, or its JSON and its PNG files do not go together.
    """
    files = {ALL: root} if root.is_file() else files_in(root)
    base = root.parent if root.is_file() else root
    return from_listed({role: listed(path, opening) for role, path in files.items()}, base, root, opening)


def listed(file: Path, opening: Opening) -> Listed:
    """An annotation file with the segments of its images."""
    kinds: dict[int, bool] = {}
    pngs: dict[Any, str] = {}

    def objects(held: Any) -> list[dict[str, Any]]:
        kinds.update((each["id"], bool(each["isthing"])) for each in held["categories"])
        pngs.update((each["image_id"], str(each["file_name"])) for each in held["annotations"])
        return [
            {**segment, "number": segment["id"], "image_id": each["image_id"]}
            for each in held["annotations"]
            for segment in each["segments_info"]
        ]

    part = read(file, objects)
    check_kind(file, "id of a segment", [segment["number"] for segment in part.annotations], int)
    of_images: dict[Any, list[dict[str, Any]]] = {image: [] for image in pngs}
    for segment in part.annotations:
        of_images[segment["image_id"]].append(segment)
    folder = file.with_suffix("")
    with ThreadPoolExecutor() as pool:
        made = pool.map(lambda image: with_masks(folder / pngs[image], of_images[image]), of_images)
        every = [*track(made, "reading segments", len(of_images), shown=opening.progress)]
    order = sorted(part.categories, key=lambda number: (not kinds[number], number))
    return replace(
        part,
        annotations=[segment for of_image in every for segment in of_image],
        categories={number: part.categories[number] for number in order},
        things=sum(kinds.values()),
    )


def with_masks(file: Path, segments: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Segments with their pixels in a PNG file. Raises ``ValueError`` when it has others."""
    numbers = numbers_in(file)
    known = [segment["number"] for segment in segments]
    if strange := sorted({*np.unique(numbers).tolist()} - {0, *known}):
        raise ValueError(
            f"{file} has pixels of the segments {listed_short(strange)}, and segments_info of its image names "
            f"{listed_short(known) or 'none'}. A pixel is red + 256 green + 65536 blue."
        )
    bitmaps = (numbers == number for number in known)
    return [
        {**segment, "segmentation": encoded(bitmap) if bitmap.any() else []}
        for segment, bitmap in zip(segments, bitmaps, strict=True)
    ]


def numbers_in(file: Path) -> np.ndarray:
    """The numbers of a PNG file's pixels, (H, W). Raises ``ValueError`` when it cannot be read."""
    import tensorflow as tf

    try:
        colours = tf.io.decode_png(file.read_bytes(), channels=3).numpy()
    except (OSError, tf.errors.OpError) as error:
        raise ValueError(f"{file} cannot be read: {reason(error)}. Expected a PNG file of segments.") from error
    return colours.astype(np.int64) @ BASE


def coloured(numbers: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8: the colours by which a PNG file says numbers, (H, W)."""
    return (numbers[..., None] // BASE % 256).astype(np.uint8)
