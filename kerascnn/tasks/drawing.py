"""Colours over images, and images side by side: what drawings of several tasks share."""

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


def painted(image: np.ndarray, numbers: np.ndarray, colours: np.ndarray, strength: float = 0.6) -> np.ndarray:
    """(H, W, 3) uint8: an image (H, W, 1 or 3) under the colours of numbers (H, W), in full along their borders.

    ``colours`` has a row for each number; 0 leaves the image as it is.
    """
    weight = np.where(borders(numbers), 1.0, strength * (numbers != 0))[..., None]
    return np.round(image * (1 - weight) + colours[numbers] * weight).astype(np.uint8)


def borders(mask: np.ndarray) -> np.ndarray:
    """(H, W) whether the pixel has a number other than 0 and one of the four beside it has another."""
    edge = np.zeros(mask.shape, bool)
    edge[:, 1:] |= mask[:, 1:] != mask[:, :-1]
    edge[:, :-1] |= mask[:, 1:] != mask[:, :-1]
    edge[1:] |= mask[1:] != mask[:-1]
    edge[:-1] |= mask[1:] != mask[:-1]
    return edge & (mask != 0)


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
