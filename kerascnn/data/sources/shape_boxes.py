"""Images made here with a box round every object: shapes in textures, small and large, before and behind one another.

The ground has specks and bars, which are no objects, and a few images have nothing else. There is no published figure
for them; they are for comparing trainings where nothing can be downloaded.
"""

from collections.abc import Sequence
from typing import NamedTuple

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

SIDE = 96  # pixels
COUNT = 1600  # images
MOST = 5  # objects in an image
BARS = 4  # at most, in the ground
SMALL, LARGE = 6.0, 26.0  # radius of an object
SEEN = 0.5  # of every object that has to be in sight, in front of it and in the image


def shape_boxes(opening: Opening) -> Source:
    """1,600 images of 96 x 96 pixels in colour, with boxes round up to five shapes of four classes, always the same."""
    rng = np.random.default_rng(0)
    every = track(range(COUNT), "drawing shapes", shown=opening.progress)
    images, objects = zip(*(image(rng) for _ in every), strict=True)
    return Source(parts={ALL: Split(np.stack(images), annotated(objects))}, labels=tuple(SHAPES), channels=3)


def annotated(objects: Sequence[np.ndarray], most: int = MOST) -> dict[str, np.ndarray]:
    """Annotations of images by name, padded to ``most`` objects, from rows of a box and its class, (n, 5), of each."""
    boxes, classes = np.zeros((len(objects), most, 4), np.float32), np.zeros((len(objects), most), np.int32)
    valid = np.zeros((len(objects), most), bool)
    for place, rows in enumerate(objects):
        boxes[place, : len(rows)], classes[place, : len(rows)] = rows[:, :4], rows[:, 4]
        valid[place, : len(rows)] = True
    area = (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
    return {"boxes": boxes, "classes": classes, "area": area, "crowd": np.zeros_like(valid), "valid": valid}


def image(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One image, (SIDE, SIDE, 3) uint8, and a row for each of its objects, the last drawn first: x1, y1, x2, y2, class.

    A box is round what is seen of an object.
    """
    drawn = scene(rng)
    rows = [(*extent(drawn.fine == place, FINE), number) for place, number in enumerate(drawn.classes)]
    return drawn.pixels, np.array(rows, np.float64).reshape(-1, 5)


class Scene(NamedTuple):
    """An image, and which of its objects is in sight where: a number from 0, the hindmost; -1 for the ground."""

    pixels: np.ndarray  # (SIDE, SIDE, 3) uint8
    fine: np.ndarray  # (SIDE * FINE, SIDE * FINE): at every sample of which pixels are the mean
    middle: np.ndarray  # (SIDE, SIDE): at the middles of pixels
    classes: list[int]  # of the objects


def scene(rng: np.random.Generator) -> Scene:
    """An image of objects before a ground."""
    return placed(rng, *background(rng))


def background(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """What is behind objects, (SIDE * FINE, SIDE * FINE, 3), and colours that these must differ from, (n, 3)."""
    behind, fine = rng.uniform(0, 1, (3, 3)), points(SIDE, FINE)
    seen = ground(rng, *fine, behind, specks=16)
    for _ in range(rng.integers(BARS + 1)):
        (column, row), half, turn = rng.uniform(0, SIDE, 2), rng.uniform(5, 30), rng.uniform(0, np.pi)
        near = around(column, row, half, FINE)
        u, v = turned(fine[0][near] - column, fine[1][near] - row, turn)
        bar = (abs(v) < rng.uniform(0.5, 1.5)) & (abs(u) < half)
        seen[near] = mixed(seen[near], rng.uniform(0, 1, 3), bar)
    return seen, behind[:2]


def placed(rng: np.random.Generator, seen: np.ndarray, behind: np.ndarray) -> Scene:
    """An image of objects before a background, as :func:`background` gives one."""
    fine, exact = points(SIDE, FINE), points(SIDE, 1)
    owner, middle, whole, classes = np.full(fine[0].shape, -1), np.full(exact[0].shape, -1), [], []
    for _ in range(rng.integers(MOST + 1)):
        number, texture = rng.integers(len(SHAPES)), [*TEXTURES.values()][rng.integers(len(TEXTURES))]
        shape, colours = [*SHAPES.values()][number], rng.uniform(0, 1, (2, 3))
        while abs(colours[0] - behind).sum(axis=1).min() < 0.8:  # a shape that cannot be seen teaches nothing
            colours = rng.uniform(0, 1, (2, 3))
        radius, turn = SMALL * (LARGE / SMALL) ** rng.random(), rng.uniform(0, 2 * np.pi)
        column, row = rng.uniform(0, SIDE, 2)
        near = around(column, row, REACH * radius, FINE)
        u, v = turned(fine[0][near] - column, fine[1][near] - row, turn)
        inside = shape(u / radius, v / radius)
        area = whole_area(shape, radius)
        after = owner.copy()
        after[near][inside] = len(whole)
        left = np.bincount(after[after >= 0], minlength=len(whole) + 1)
        if (left < SEEN * np.array([*whole, area])).any():
            continue
        owner = after
        seen[near] = mixed(seen[near], mixed(colours[1], colours[0], texture(u, v)), inside)
        near = around(column, row, REACH * radius, 1)
        u, v = turned(exact[0][near] - column, exact[1][near] - row, turn)
        middle[near][shape(u / radius, v / radius)] = len(whole)
        whole.append(area)
        classes.append(int(number))
    return Scene(photographed(rng, seen), owner, middle, classes)


def whole_area(shape, radius: float) -> float:
    """Samples of a shape that lies in the image as a whole."""
    side = np.arange(-REACH * radius, REACH * radius, 1 / FINE)
    u, v = np.meshgrid(side, side)
    return float(shape(u / radius, v / radius).sum())


def extent(inside: np.ndarray, fine: int) -> tuple[float, float, float, float]:
    """x1, y1, x2, y2 in pixels round the samples that are set, ``fine`` along a pixel."""
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    return columns[0] / fine, rows[0] / fine, (columns[-1] + 1) / fine, (rows[-1] + 1) / fine
