"""Test-time crops: several views of an image, and the mean of what they are taken for.

Krizhevsky, Sutskever & Hinton 2012, "ImageNet Classification with Deep Convolutional Neural Networks", section 4.1.
"""

from dataclasses import replace

import numpy as np

from kerascnn.evaluation.loop import Predict
from kerascnn.spec import Preprocess
from kerascnn.tasks.classification.scores import probabilities
from kerascnn.tasks.task import SCORES, Arrays

COUNTS = (1, 5, 10)


def whole(preprocess: Preprocess, count: int) -> Preprocess:
    """What an image goes through before ``count`` crops are taken of it: for several, nothing is cut off its square.

    Raises ``ValueError`` when ``count`` is none of 1, 5 and 10, or the preprocessing leaves nothing beyond the crop.
    """
    if count not in COUNTS:
        raise ValueError(f"The number of crops is {count}; it must be one of {', '.join(map(str, COUNTS))}.")
    if count == 1:
        return preprocess
    side = round(preprocess.size / preprocess.crop)
    if side <= preprocess.size:
        raise ValueError(
            f"{count} crops were asked for, but this model sees the whole image (its card says crop "
            f"{preprocess.crop:g}), so there is nothing to crop. Ask for 1 crop."
        )
    return replace(preprocess, size=side, crop=1.0)


def crops(images: np.ndarray, size: int, count: int) -> np.ndarray:
    """(N, side, side, C) to (count, N, size, size, C), ``count`` being 1, 5 or 10.

    The centre; of five, the four corners and the centre; of ten, those five of the image and of its mirror image.
    """
    end = images.shape[1] - size
    middle = round(end / 2)
    corners = [(0, 0), (0, end), (end, 0), (end, end)] if count > 1 else []
    places = [*corners, (middle, middle)]
    sources = [images, images[:, :, ::-1]] if count == 10 else [images]
    return np.stack([source[:, y : y + size, x : x + size] for source in sources for y, x in places])


def averaged(predict: Predict, size: int, count: int) -> Predict:
    """A classifier of whole squares (N, side, side, C) that answers the mean probabilities over their crops.

    ``predict`` gives probabilities or logits of a crop; ``size`` and ``count`` are those of :func:`crops`.
    """

    def answer(images: np.ndarray) -> Arrays:
        views = crops(images, size, count)
        outputs = np.asarray(predict(views.reshape(-1, *views.shape[2:]))[SCORES])
        return {SCORES: probabilities(outputs).reshape(count, len(images), -1).mean(axis=0)}

    return answer
