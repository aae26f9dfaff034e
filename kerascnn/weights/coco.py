"""COCO's categories: of the numbers 1 to 90 those 80 that are in use, which classes are counted by here, from 0.

``coco.txt`` has the number and the name of each in order, as torchvision's records name them.
"""

from functools import cache
from importlib.resources import files

import numpy as np

NUMBERS = 91  # of categories, with 0 for the background


@cache
def categories() -> tuple[tuple[int, str], ...]:
    """Number and name of each category: the first is ``(1, "person")``."""
    text = files("kerascnn.weights").joinpath("coco.txt").read_text(encoding="utf-8")
    return tuple((int(number), name.replace("_", " ")) for number, name in map(str.split, text.splitlines()))


def in_use(value: np.ndarray, outputs: int, each: int = 1) -> np.ndarray:
    """Of what is said by category numbers, ``(A * 91 * each, ...)`` for A boxes, the part of the 80 categories.

    A box follows the other, of a box a category the other, and of a category its ``each`` numbers. They are taken where
    ``outputs`` is A * 80 * each, or with the background's where it is A * 81 * each; else all are given back.
    """
    numbers = [number for number, _ in categories()]
    boxes, rest = divmod(len(value), NUMBERS * each)
    if outputs == boxes * (1 + len(numbers)) * each:
        numbers.insert(0, 0)
    if rest or outputs != boxes * len(numbers) * each:
        return value
    return value.reshape(boxes, NUMBERS, each, *value.shape[1:])[:, numbers].reshape(-1, *value.shape[1:])
