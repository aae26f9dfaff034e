"""Masks as colours: over their images, and side by side."""

import numpy as np

from kerascnn.tasks.drawing import beside, palette

STRENGTH = 0.6  # of a class's colour over the image


def overlay(image: np.ndarray, mask: np.ndarray, strength: float = STRENGTH) -> np.ndarray:
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
    return beside(np.broadcast_to(image, (*image.shape[:2], 3)), *(overlay(image, mask) for mask in masks))
