"""Images made here, whose structure is known: four shapes in three textures, of any colour, place, size and turn.

What a class is does not show in a single pixel or in the colours, so a network has to find outline and texture. There
is no published figure for them; they are for comparing trainings where nothing can be downloaded.
"""

import numpy as np

from kerascnn.data.dataset import Data, Split
from kerascnn.data.splitting import Opening, held_out

SIDE = 32  # pixels
EACH = 200  # images of a class
FINE = 2  # samples along a pixel, so that edges are smooth
SHAPES = {  # of a point in the shape's own coordinates, whose reach is about 1: whether it lies inside
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


def shapes(how: Opening) -> Data:
    """2,400 images of 32 x 32 pixels in colour, twelve classes, the same on every machine."""
    labels = tuple(f"{texture} {shape}" for shape in SHAPES for texture in TEXTURES)
    rng = np.random.default_rng(0)
    kinds = [(shape, texture) for shape in SHAPES.values() for texture in TEXTURES.values() for _ in range(EACH)]
    images = np.stack([image(rng, shape, texture) for shape, texture in kinds])
    targets = np.repeat(np.arange(len(labels), dtype=np.int32), EACH)
    train, validation = held_out(Split(images, {"label": targets}), how.validation, how.seed, labels)
    return Data(train=train, validation=validation, labels=labels, channels=3)


def image(rng: np.random.Generator, shape, texture) -> np.ndarray:
    """One image, (SIDE, SIDE, 3) uint8: the shape before a shaded ground with specks, under noise."""
    colours = rng.uniform(0, 1, (4, 3))
    while abs(colours[0] - colours[1:3]).sum(axis=1).min() < 0.8:  # a shape that cannot be seen teaches nothing
        colours = rng.uniform(0, 1, (4, 3))
    place = (np.arange(SIDE * FINE) + 0.5) / FINE
    x, y = np.meshgrid(place, place)
    shade = (x * rng.uniform(-1, 1) + y * rng.uniform(-1, 1)) / SIDE
    seen = mixed(colours[1], colours[2], np.clip(0.5 + shade, 0, 1))
    for _ in range(6):
        column, row = rng.uniform(0, SIDE, 2)
        seen = mixed(seen, colours[3], np.hypot(x - column, y - row) < rng.uniform(0.7, 1.8))
    radius, turn = rng.uniform(7, 11), rng.uniform(0, 2 * np.pi)
    column, row = rng.uniform(radius, SIDE - radius, 2)
    u = (x - column) * np.cos(turn) + (y - row) * np.sin(turn)
    v = (y - row) * np.cos(turn) - (x - column) * np.sin(turn)
    seen = mixed(seen, colours[0], shape(u / radius, v / radius) * texture(u, v))
    seen = seen.reshape(SIDE, FINE, SIDE, FINE, 3).mean(axis=(1, 3)) + rng.normal(0, 0.08, (SIDE, SIDE, 3))
    return np.round(255 * np.clip(seen, 0, 1)).astype(np.uint8)


def mixed(under: np.ndarray, over: np.ndarray, share: np.ndarray) -> np.ndarray:
    """``over`` laid on ``under`` where ``share``, (H, W), says so."""
    return under + (over - under) * share[..., None]
