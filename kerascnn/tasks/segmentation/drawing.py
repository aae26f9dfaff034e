"""Masks as colours: over their images, side by side, and with a legend."""

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


def overlay(image: np.ndarray, mask: np.ndarray, strength: float = 0.6) -> np.ndarray:
    """(H, W, 3) uint8: an image (H, W, 1 or 3) under the colours of its classes, in full along their borders.

    Class 0, in most data sets the background, leaves the image as it is. A mask of another size is stretched.
    """
    image = np.broadcast_to(image, (*image.shape[:2], 3))
    mask = stretched(mask, image.shape[:2])
    colours, border = palette()[mask], borders(mask)
    weight = np.where(border, 1.0, strength * (mask != 0))[..., None]
    return np.round(image * (1 - weight) + colours * weight).astype(np.uint8)


def stretched(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The mask at another size, (height, width): the nearest pixel of it for each."""
    rows, columns = ((np.arange(new) * old) // new for new, old in zip(size, mask.shape, strict=True))
    return mask[np.ix_(rows, columns)]


def borders(mask: np.ndarray) -> np.ndarray:
    """(H, W) whether the pixel is of a class other than 0 and one of the four beside it is of another."""
    edge = np.zeros(mask.shape, bool)
    edge[:, 1:] |= mask[:, 1:] != mask[:, :-1]
    edge[:, :-1] |= mask[:, 1:] != mask[:, :-1]
    edge[1:] |= mask[1:] != mask[:-1]
    edge[:-1] |= mask[1:] != mask[:-1]
    return edge & (mask != 0)


def side_by_side(image: np.ndarray, *masks: np.ndarray) -> np.ndarray:
    """An image and, to its right, each of the masks over it, (H, W', 3) uint8."""
    gap = np.full((image.shape[0], GAP, 3), WHITE)
    shown = [np.broadcast_to(image, (*image.shape[:2], 3)), *(overlay(image, mask) for mask in masks)]
    return np.concatenate([part for one in shown for part in (gap, one)][1:], axis=1)


def legend(labels: Sequence[str]) -> str:
    """An SVG element that names the colour of every class."""
    columns, width, height = 4, 170, 22
    entries = []
    for number, (label, colour) in enumerate(zip(labels, palette().tolist(), strict=False)):
        x, y = number % columns * width, number // columns * height
        entries.append(
            f'<rect x="{x}" y="{y + 3}" width="15" height="15" rx="2" fill="rgb{tuple(colour)}"/>'
            f'<text x="{x + 22}" y="{y + 15}" font-size="13" fill="currentColor">{escape(label)}</text>'
        )
    size = f"{columns * width} {-(-len(labels) // columns) * height}"
    return f'<svg viewBox="0 0 {size}" xmlns="http://www.w3.org/2000/svg" role="img">{"".join(entries)}</svg>'
