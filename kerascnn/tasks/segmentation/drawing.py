"""Masks as colours: over their images, and side by side."""

import numpy as np

from kerascnn.tasks.drawing import beside, painted, palette

STRENGTH = 0.6  # of a class's colour over the image


def overlay(image: np.ndarray, mask: np.ndarray, strength: float = STRENGTH) -> np.ndarray:
    """(H, W, 3) uint8: an image (H, W, 1 or 3) under the colours of its classes, in full along their borders.

    Class 0, in most data sets the background, leaves the image as it is. A mask of another size is stretched.
    """
    return painted(image, stretched(mask, image.shape[:2]), palette(), strength)


def stretched(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The mask at another size, (height, width): the nearest pixel of it for each."""
    rows, columns = ((np.arange(new) * old) // new for new, old in zip(size, mask.shape, strict=True))
    return mask[np.ix_(rows, columns)]


def side_by_side(image: np.ndarray, *masks: np.ndarray) -> np.ndarray:
    """An image and, to its right, each of the masks over it, (H, W', 3) uint8."""
    return beside(np.broadcast_to(image, (*image.shape[:2], 3)), *(overlay(image, mask) for mask in masks))
