"""Images made here, whose structure is known: four shapes in three textures, of any colour, place, size and turn.

What a class is does not show in a single pixel or in the colours, so a network has to find outline and texture. There
is no published figure for them; they are for comparing trainings where nothing can be downloaded.
"""

from functools import cache

import numpy as np

from kerascnn.data.dataset import Source, Split
from kerascnn.data.splitting import ALL, Opening

SIDE = 32  # pixels
EACH = 200  # images of a class
FINE = 2  # samples along a pixel, so that edges are smooth
REACH = 1.2  # of a shape in its own coordinates
SHAPES = {  # of a point in the shape's own coordinates: whether it lies inside
    "disc": lambda u, v: np.hypot(u, v) < 0.95,
    "ring": lambda u, v: (np.hypot(u, v) < 1) & (np.hypot(u, v) > 0.55),
    "square": lambda u, v: np.maximum(abs(u), abs(v)) < 0.8,
    "triangle": lambda u, v: (v < 0.6) & (abs(u) * 1.6 < v + 1),
}
TEXTURES = {  # of the same point, measured in pixels: how much of the shape's colour it has
    "plain": lambda u, v: np.ones_like(u),
    "striped": lambda u, v: (u % 4 < 2) * 1.0,
    "chequered": lambda u, v: ((u % 5 < 2.5) ^ (v % 5 < 2.5)) * 1.0,
}


def shapes(opening: Opening) -> Source:
    """2,400 images of 32 x 32 pixels in colour, twelve classes, the same on every machine."""
    labels = tuple(f"{texture} {shape}" for shape in SHAPES for texture in TEXTURES)
    rng = np.random.default_rng(0)
    kinds = [(shape, texture) for shape in SHAPES.values() for texture in TEXTURES.values() for _ in range(EACH)]
    images = np.stack([image(rng, shape, texture) for shape, texture in kinds])
    targets = np.repeat(np.arange(len(labels), dtype=np.int32), EACH)
    return Source(parts={ALL: Split(images, {"label": targets})}, labels=labels, channels=3)


def image(rng: np.random.Generator, shape, texture) -> np.ndarray:
    """One image, (SIDE, SIDE, 3) uint8: the shape before a shaded ground with specks, under noise."""
    colours = rng.uniform(0, 1, (4, 3))
    while abs(colours[0] - colours[1:3]).sum(axis=1).min() < 0.8:  # a shape that cannot be seen teaches nothing
        colours = rng.uniform(0, 1, (4, 3))
    x, y = points(SIDE, FINE)
    seen = ground(rng, x, y, colours[1:], specks=6)
    radius, turn = rng.uniform(7, 11), rng.uniform(0, 2 * np.pi)
    column, row = rng.uniform(radius, SIDE - radius, 2)
    u, v = turned(x - column, y - row, turn)
    seen = mixed(seen, colours[0], shape(u / radius, v / radius) * texture(u, v))
    return photographed(rng, seen)


@cache
def points(side: int, fine: int) -> tuple[np.ndarray, np.ndarray]:
    """x and y of ``fine`` x ``fine`` samples in each of ``side`` x ``side`` pixels, (side * fine, side * fine) each."""
    place = (np.arange(side * fine) + 0.5) / fine
    x, y = np.meshgrid(place, place)
    return x, y


def turned(x: np.ndarray, y: np.ndarray, turn: float) -> tuple[np.ndarray, np.ndarray]:
    """Points in coordinates that are turned by so many radians."""
    return x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)


def ground(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, colours: np.ndarray, specks: int) -> np.ndarray:
    """From one colour to a second, with specks of a third, (H, W, 3)."""
    side = x.max() + x.min()
    shade = (x * rng.uniform(-1, 1) + y * rng.uniform(-1, 1)) / side
    seen = mixed(colours[0], colours[1], np.clip(0.5 + shade, 0, 1))
    for _ in range(specks):
        (column, row), radius = rng.uniform(0, side, 2), rng.uniform(0.7, 1.8)
        near = around(column, row, radius, FINE)
        seen[near] = mixed(seen[near], colours[2], np.hypot(x[near] - column, y[near] - row) < radius)
    return seen


def around(column: float, row: float, reach: float, fine: int) -> tuple[slice, slice]:
    """The samples that are no further than ``reach`` pixels from a point, and some more: nothing else need be drawn."""
    first, last = np.floor((row - reach) * fine), np.ceil((row + reach) * fine)
    left, right = np.floor((column - reach) * fine), np.ceil((column + reach) * fine)
    return slice(max(0, int(first)), int(last) + 1), slice(max(0, int(left)), int(right) + 1)


def photographed(rng: np.random.Generator, seen: np.ndarray) -> np.ndarray:
    """Samples as pixels under noise, (side, side, 3) uint8."""
    side = len(seen) // FINE
    pixels = seen.reshape(side, FINE, side, FINE, 3).mean(axis=(1, 3)) + rng.normal(0, 0.08, (side, side, 3))
    return np.round(255 * np.clip(pixels, 0, 1)).astype(np.uint8)


def mixed(under: np.ndarray, over: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """``over`` laid on ``under`` with this weight, (H, W), 0 to 1."""
    return under + (over - under) * weight[..., None]
