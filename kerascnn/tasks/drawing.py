"""Colours of classes, and images side by side: what drawings of several tasks share."""

from collections.abc import Sequence
from html import escape

import numpy as np

from kerascnn.data.dataset import IGNORE

WHITE = np.uint8(255)
GAP = 4  # pixels between images that stand side by side


def palette() -> np.ndarray:
    """(256, 3) uint8: the colour of every class as PASCAL VOC draws it; white for pixels without a class.

    The bits of a class number are dealt out to red, green and blue, the most significant of each first, so that
    neighbours differ much.
    """
    number = np.arange(256)
    channels = [sum(((number >> (3 * bit + c)) & 1) << (7 - bit) for bit in range(3)) for c in range(3)]
    colours = np.stack(channels, axis=-1).astype(np.uint8)
    colours[IGNORE] = WHITE
    return colours


def hexadecimal(colours: np.ndarray) -> str:
    """Colours, (n, 3) uint8, as six digits each, with commas between them."""
    return ",".join(bytes(colour).hex() for colour in colours)


def beside(*images: np.ndarray) -> np.ndarray:
    """Images of one height from left to right, (H, W', 3) uint8."""
    gap = np.full((images[0].shape[0], GAP, 3), WHITE)
    return np.concatenate([part for one in images for part in (gap, one)][1:], axis=1)


def legend(labels: Sequence[str], colours: np.ndarray) -> str:
    """An SVG element that names the colour, (classes, 3) uint8, of every class."""
    columns, width, height = 4, 170, 22
    entries = []
    for number, (label, colour) in enumerate(zip(labels, colours.tolist(), strict=False)):
        x, y = number % columns * width, number // columns * height
        entries.append(
            f'<rect x="{x}" y="{y + 3}" width="15" height="15" rx="2" fill="rgb{tuple(colour)}"/>'
            f'<text x="{x + 22}" y="{y + 15}" font-size="13" fill="currentColor">{escape(label)}</text>'
        )
    size = f"{columns * width} {-(-len(labels) // columns) * height}"
    return f'<svg viewBox="0 0 {size}" xmlns="http://www.w3.org/2000/svg" role="img">{"".join(entries)}</svg>'
