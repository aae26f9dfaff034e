"""Images made here in which every pixel belongs to a segment: shapes, which can be counted, before ground and water.

The ground is that of :mod:`kerascnn.data.sources.shape_boxes`, with specks and bars; water has waves, and its shore is
a straight line. There is no published figure for them; they are for comparing trainings where nothing can be
downloaded.
"""

import numpy as np

from kerascnn.data.dataset import Source, Split
from kerascnn.data.segments import Segments
from kerascnn.data.sources.shape_boxes import COUNT, SIDE, Scene, background, placed
from kerascnn.data.sources.shape_instances import with_masks
from kerascnn.data.sources.shapes import FINE, SHAPES, mixed, points, turned
from kerascnn.data.splitting import ALL, Opening
from kerascnn.progress import track

STUFF = ("ground", "water")
LABELS = (*SHAPES, *STUFF)
WAVE = 6.0  # pixels from one to the next


def shape_panoptic(opening: Opening) -> Source:
    """1,600 images of 96 x 96 pixels in colour, with up to five shapes, ground and water, the same everywhere."""
    rng = np.random.default_rng(0)
    scenes = [scene(rng) for _ in track(range(COUNT), "drawing shapes", shown=opening.progress)]
    split = Split(np.stack([each.pixels for each in scenes]), with_masks(scenes), stores={"masks": Segments()})
    return Source(parts={ALL: split}, labels=LABELS, channels=3, things=len(SHAPES))


def scene(rng: np.random.Generator) -> Scene:
    """An image whose last objects are ground and water, as far as they are in sight."""
    seen, behind = background(rng)
    colours, turn = rng.uniform(0, 1, (2, 3)), rng.uniform(0, 2 * np.pi)
    while abs(colours - behind[:, None]).sum(axis=-1).min() < 0.5:
        colours = rng.uniform(0, 1, (2, 3))
    column, row = rng.uniform(0.25 * SIDE, 0.75 * SIDE, 2)
    (across, _), (exact, _) = (turned(x - column, y - row, turn) for x, y in (points(SIDE, FINE), points(SIDE, 1)))
    water = mixed(colours[0], colours[1], (across % WAVE < WAVE / 2) * 1.0)
    drawn = placed(rng, mixed(seen, water, across > 0), np.concatenate([behind, colours]))
    middle, classes = drawn.middle.copy(), [*drawn.classes]
    for number, here in enumerate((exact <= 0, exact > 0)):
        if (here := here & (drawn.middle < 0)).any():
            middle[here] = len(classes)
            classes.append(len(SHAPES) + number)
    return drawn._replace(middle=middle, classes=classes)
