"""Images made here with the class of every pixel: several shapes in textures, before and behind one another.

What a pixel is does not show in its colour, so a network has to see outlines around it. There is no published figure
for them; they are for comparing trainings where nothing can be downloaded.
"""

import numpy as np

from kerascnn.data.dataset import Source, Split
from kerascnn.data.sources.shapes import (
    FINE,
    REACH,
    SHAPES,
    TEXTURES,
    around,
    ground,
    mixed,
    photographed,
    points,
    turned,
)
from kerascnn.data.splitting import ALL, Opening
from kerascnn.progress import track

SIDE = 64  # pixels
COUNT = 1600  # images
LEAST, MOST = 1, 4  # shapes in an image


def shape_masks(opening: Opening) -> Source:
    """1,600 images of 64 x 64 pixels in colour, with masks of four shapes and the background, the same everywhere."""
    rng = np.random.default_rng(0)
    every = track(range(COUNT), "drawing shapes", shown=opening.progress)
    images, masks = zip(*(image(rng) for _ in every), strict=True)
    split = Split(np.stack(images), {"mask": np.stack(masks)})
    return Source(parts={ALL: split}, labels=("background", *SHAPES), channels=3)


def image(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One image, (SIDE, SIDE, 3) uint8, and the classes at the middles of its pixels, (SIDE, SIDE) uint8."""
    behind = rng.uniform(0, 1, (3, 3))
    fine, exact = points(SIDE, FINE), points(SIDE, 1)
    seen, mask = ground(rng, *fine, behind, specks=12), np.zeros((SIDE, SIDE), np.uint8)
    for _ in range(rng.integers(LEAST, MOST + 1)):
        number, texture = rng.integers(len(SHAPES)), [*TEXTURES.values()][rng.integers(len(TEXTURES))]
        shape, colours = [*SHAPES.values()][number], rng.uniform(0, 1, (2, 3))
        while abs(colours[0] - behind[:2]).sum(axis=1).min() < 0.8:  # a shape that cannot be seen teaches nothing
            colours = rng.uniform(0, 1, (2, 3))
        radius, turn = rng.uniform(8, 16), rng.uniform(0, 2 * np.pi)
        column, row = rng.uniform(radius / 2, SIDE - radius / 2, 2)
        near = around(column, row, REACH * radius, FINE)
        u, v = turned(fine[0][near] - column, fine[1][near] - row, turn)
        filled = mixed(colours[1], colours[0], texture(u, v))
        seen[near] = mixed(seen[near], filled, shape(u / radius, v / radius))
        near = around(column, row, REACH * radius, 1)
        u, v = turned(exact[0][near] - column, exact[1][near] - row, turn)
        mask[near][shape(u / radius, v / radius)] = number + 1
    return photographed(rng, seen), mask
