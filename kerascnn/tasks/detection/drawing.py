"""Boxes on images, in the colours of their classes."""

import numpy as np

from kerascnn.tasks.drawing import palette


def colours(classes: int) -> np.ndarray:
    """(classes, 3) uint8: PASCAL VOC's, without the black of its background."""
    return palette()[1 + np.arange(classes) % 254]


def framed(image: np.ndarray, boxes: np.ndarray, classes: np.ndarray, thick: int = 0) -> np.ndarray:
    """(H, W, 3) uint8: an image (H, W, 1 or 3) with boxes, (n, 4) in its pixels, the first on top.

    Lines lie inside the boxes; ``thick`` pixels, or 0 for as many as suit the image.
    """
    drawn = np.broadcast_to(image, (*image.shape[:2], 3)).copy()
    height, width = image.shape[:2]
    thick = thick or max(1, round(max(height, width) / 200))
    for box, colour in zip(boxes[::-1], colours(int(classes.max(initial=0)) + 1)[classes[::-1]], strict=True):
        left, top = np.clip(np.floor(box[:2]).astype(int), 0, [width - 1, height - 1])
        right, bottom = np.maximum(np.clip(np.ceil(box[2:]).astype(int), 0, [width, height]), [left + 1, top + 1])
        for part in (
            drawn[top : min(top + thick, bottom), left:right],
            drawn[max(bottom - thick, top) : bottom, left:right],
            drawn[top:bottom, left : min(left + thick, right)],
            drawn[top:bottom, max(right - thick, left) : right],
        ):
            part[:] = colour
    return drawn
