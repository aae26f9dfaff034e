"""Masks in boxes, as networks say them, laid on their images."""

import numpy as np

HALF = 0.5  # a share from which a pixel is the object's


def pasted(mask: np.ndarray, box: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H, W) bool: where an object is in an image of this height and width, of shares in its box, (h, w) of 0 to 1.

    At the middle of every pixel within the box, shares are interpolated between the middles of their cells, and fall to
    0 beyond the outermost. He et al. 2017, https://arxiv.org/abs/1703.06870, section 3.1.
    """
    height, width = size
    x1, y1, x2, y2 = box.astype(np.float64)
    rows, top = weights(y1, y2, height, mask.shape[0])
    columns, left = weights(x1, x2, width, mask.shape[1])
    whole = np.zeros(size, bool)
    whole[top : top + len(rows), left : left + len(columns)] = rows @ mask @ columns.T >= HALF
    return whole


def weights(first: float, last: float, length: int, cells: int) -> tuple[np.ndarray, int]:
    """How much each cell between two edges counts at the middle of each pixel there, (pixels, cells); the first pixel.

    There is no pixel where the edges are in the wrong order, or beyond an image of this length.
    """
    begin, end = int(np.clip(np.floor(first), 0, length)), int(np.clip(np.ceil(last), 0, length))
    if not last > first or end <= begin:
        return np.zeros((0, cells)), 0
    place = (np.arange(begin, end) + 0.5 - first) / (last - first) * cells - 0.5
    return np.maximum(0, 1 - abs(place[:, None] - np.arange(cells))), begin
