"""The pixels of objects as COCO's JSON says them: outlines, or the lengths of runs down the columns.

https://cocodataset.org/#format-data. An outline is a list of polygons, each x and y of its corners in turn; runs are a
dictionary of ``"size"``, height and width, and ``"counts"``, plain or packed into a string. What reads and writes them
is hotcoco, whose pixels are those of COCO's own code.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from kerascnn.data.dataset import InMemory
from kerascnn.errors import need

LARGEST = 2**53  # of the numbers that are read, beyond which floats are not exact
FAR = 10  # sides of its image, by which a polygon may pass its edge: pixels are drawn there too, and cost time
Segment = list[list[float]] | dict[str, Any]  # an outline, or runs


class Segments(InMemory):
    """A row tells of the masks of an image's objects, bytes: see :func:`row_of`."""

    def content(self, rows: np.ndarray) -> Iterator[bytes]:
        yield from rows


def row_of(segments: Sequence[Segment], height: int, width: int) -> bytes:
    """The masks of the objects of an image of this size, in their order, as one row of an annotation."""
    return json.dumps([[height, width], *segments], separators=(",", ":")).encode()


def in_array(values: Sequence[Any]) -> np.ndarray:
    """Rows, or segments, as an array, (N,), of which numpy makes nothing else."""
    held = np.empty(len(values), object)
    held[:] = values
    return held


def segments_of(row: bytes) -> tuple[list[Segment], int, int]:
    """What :func:`row_of` was given."""
    (height, width), *segments = json.loads(row)
    return segments, height, width


def coco_masks() -> Any:
    """The functions of hotcoco. Raises ``ImportError`` when it is not installed, naming the extra that brings it."""
    need("hotcoco", "detection", "Working with masks of objects")
    from hotcoco import mask

    return mask


def runs_of(segment: Segment, height: int, width: int) -> dict[str, Any]:
    """Runs, packed into bytes, of what may be an outline."""
    coco = coco_masks()
    return coco.merge(coco.frPyObjects(segment, height, width)) if isinstance(segment, list) else segment


def bitmap_of(segment: Segment, height: int, width: int) -> np.ndarray:
    """(H, W) uint8: 1 where the object is, and an outline without polygons is nowhere. Columns are contiguous."""
    if not segment:
        return np.zeros((height, width), np.uint8, order="F")
    return coco_masks().decode(runs_of(segment, height, width))


def encoded(bitmap: np.ndarray) -> dict[str, Any]:
    """Runs of a mask, (H, W), as JSON can hold them."""
    runs = coco_masks().encode(np.asfortranarray(bitmap, np.uint8))
    return {"size": [*map(int, runs["size"])], "counts": runs["counts"].decode()}


def problem_of(segment: Any, height: int, width: int) -> str | None:
    """What is wrong with the segmentation of an object in an image of this size; or None."""
    if isinstance(segment, list):
        for polygon in segment:
            if not isinstance(polygon, list) or len(polygon) % 2 or not all(is_finite(value) for value in polygon):
                return f"the polygon {polygon!r:.80}; expected x and y of every corner in turn, in pixels"
            if max(map(abs, polygon), default=0) > FAR * max(height, width):
                return f"a polygon with the corner {max(polygon, key=abs):g}, far beyond {width} x {height} pixels"
        return None
    if not isinstance(segment, dict) or "counts" not in segment:
        return f"the segmentation {segment!r:.80}; expected polygons, or runs with size and counts"
    if segment.get("size") != [height, width]:
        return f"runs of size {segment.get('size')!r:.40}; expected [{height}, {width}], the image's height and width"
    counts = segment["counts"]
    if isinstance(counts, list) and not all(type(count) is int and count >= 0 for count in counts):
        return f"runs of the lengths {counts!r:.80}; expected whole numbers"
    try:
        coco_masks().decode(segment)
    except (ValueError, TypeError, OverflowError) as error:
        return f"runs that cannot be read: {error}"
    return None


def with_area(segment: Segment) -> Segment:
    """The same without polygons of one or two corners, which tools leave behind."""
    return [polygon for polygon in segment if len(polygon) >= 6] if isinstance(segment, list) else segment


def is_finite(value: Any) -> bool:
    """Whether a value of a JSON file is a number that counts pixels."""
    return isinstance(value, int | float) and abs(value) <= LARGEST


def extent_of(segment: Segment) -> tuple[float, float, float, float]:
    """x1, y1, x2, y2 round an object's pixels, or round the corners of its outline."""
    if isinstance(segment, list):
        points = np.concatenate([np.array(polygon, np.float64).reshape(-1, 2) for polygon in segment])
        return *points.min(axis=0), *points.max(axis=0)
    x, y, width, height = coco_masks().to_bbox(segment)
    return x, y, x + width, y + height
