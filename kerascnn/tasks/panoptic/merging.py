"""One segment for every pixel, from masks of things and the kind of stuff at each pixel.

Kirillov et al. 2018, Panoptic segmentation, https://arxiv.org/abs/1801.00868, section 7.2; the figures are those of
Panoptic FPN, https://arxiv.org/abs/1901.02446, whose code keeps stuff of 4,096 pixels or more in COCO's images.
"""

from dataclasses import dataclass

import numpy as np

from kerascnn.data.segments import bitmap_of
from kerascnn.tasks.instance.prediction import InstancePrediction

SURE = 0.5  # a score from which a thing counts
HIDDEN = 0.5  # of a thing, by which it may lie behind surer ones
LEAST = 4096 / (640 * 480)  # of the image, that stuff has to cover


@dataclass(frozen=True, eq=False)
class Segmented:
    """The segments of an image."""

    numbers: np.ndarray  # (H, W) int32: the segment of every pixel, from 1; 0 for none
    classes: np.ndarray  # (n,) int32
    scores: np.ndarray  # (n,) of things, and NaN of stuff


def merged(found: InstancePrediction, stuff: np.ndarray, things: int) -> Segmented:
    """The segments of an image.

    Things come first, the surest on top; one that is hidden by more than ``HIDDEN`` is left out. Stuff fills what is
    left, unless it is too little.

    Parameters
    ----------
    found
        The objects, the surest first.
    stuff
        (H, W): the kind of stuff at every pixel from 1, or 0 where there are things.
    things
        How many classes are things; those of stuff follow.
    """
    numbers, classes, scores = np.zeros(stuff.shape, np.int32), [], []
    for mask, kind, score in zip(found.masks, found.classes.tolist(), found.scores.tolist(), strict=True):
        whole = bitmap_of(mask, *stuff.shape[:2]) > 0
        free = whole & (numbers == 0)
        if score < SURE or not whole.any() or (whole.sum() - free.sum()) / whole.sum() > HIDDEN:
            continue
        numbers[free] = len(classes) + 1
        classes.append(kind)
        scores.append(score)
    for kind in range(1, int(stuff.max(initial=0)) + 1):
        free = (stuff == kind) & (numbers == 0)
        if free.any() and free.sum() >= LEAST * stuff.size:
            numbers[free] = len(classes) + 1
            classes.append(things + kind - 1)
            scores.append(np.nan)
    return Segmented(numbers, np.array(classes, np.int32), np.array(scores, np.float32))
