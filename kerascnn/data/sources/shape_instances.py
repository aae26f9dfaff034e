"""Images made here with a mask of every object: those of :mod:`kerascnn.data.sources.shape_boxes`, pixel by pixel.

An object's mask is what is seen of it, so no two masks share a pixel. There is no published figure for them; they are
for comparing trainings where nothing can be downloaded.
"""

from collections.abc import Sequence

import numpy as np

from kerascnn.data.dataset import Source, Split
from kerascnn.data.segments import Segments, encoded, in_array, row_of
from kerascnn.data.sources.shape_boxes import COUNT, MOST, SIDE, Scene, annotated, extent, scene
from kerascnn.data.sources.shapes import SHAPES
from kerascnn.data.splitting import ALL, Opening
from kerascnn.progress import track


def shape_instances(opening: Opening) -> Source:
    """1,600 images of 96 x 96 pixels in colour, with masks of up to five shapes of four classes, always the same."""
    rng = np.random.default_rng(0)
    scenes = [scene(rng) for _ in track(range(COUNT), "drawing shapes", shown=opening.progress)]
    split = Split(np.stack([each.pixels for each in scenes]), with_masks(scenes), stores={"masks": Segments()})
    return Source(parts={ALL: split}, labels=tuple(SHAPES), channels=3)


def with_masks(scenes: Sequence[Scene]) -> dict[str, np.ndarray]:
    """Annotations by name; of each scene's objects the foremost comes last. Boxes are round the pixels of masks."""
    objects, rows, areas = [], [], []
    for drawn in scenes:
        bitmaps = [drawn.middle == place for place in range(len(drawn.classes))]
        objects.append(
            np.array([(*extent(b, 1), kind) for b, kind in zip(bitmaps, drawn.classes, strict=True)]).reshape(-1, 5)
        )
        rows.append(row_of([encoded(bitmap) for bitmap in bitmaps], SIDE, SIDE))
        areas.append([bitmap.sum() for bitmap in bitmaps])
    found = annotated(objects, max(MOST, *map(len, objects)))
    for place, of_image in enumerate(areas):
        found["area"][place, : len(of_image)] = of_image
    return {**found, "masks": in_array(rows)}
